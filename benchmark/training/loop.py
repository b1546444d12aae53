"""The training loop: random batches, and a one-cycle learning rate."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

CHECK_STEPS = 10
"""Steps between two checks whether the parameters are finite, since a check reads all of them."""
SMALLEST_BATCH = 32
"""The smallest batch, in images, that is used to make more steps before images are repeated within a pass."""


class Plan(NamedTuple):
    """Describe how a training is divided into steps.

    Attributes:
        steps: The number of steps.
        batch_size: The samples in a step.

    Example:
        >>> plan(1000, epochs=2, batch_size=100, least=1)
        Plan(steps=20, batch_size=100)
    """

    steps: int
    batch_size: int


def plan(count: int, *, epochs: int, batch_size: int, least: int) -> Plan:
    """Divide passes over samples into steps.

    If the samples make fewer steps than ``least``, batches become smaller, down to 32 samples, and then passes become
    longer.

    Args:
        count: The number of training samples.
        epochs: The number of passes over the samples. 0 means no training.
        batch_size: The largest number of samples in a step.
        least: The least number of steps in a pass.

    Example:
        >>> plan(64, epochs=1, batch_size=64, least=10)
        Plan(steps=10, batch_size=32)
    """
    batch_size = min(batch_size, count)
    if count // batch_size < least:
        batch_size = min(batch_size, max(SMALLEST_BATCH, count // least))
    return Plan(epochs * max(least, count // batch_size), batch_size)


def fit(
    parameters: Iterable[nn.Parameter] | Sequence[dict[str, Any]],
    loss: Callable[[Tensor], Tensor],
    *,
    count: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    optimizer: Literal["adamw", "sgd"] = "adamw",
    decay: Literal["cos", "linear"] = "cos",
    least: int = 1,
    stop_if_diverged: bool = False,
) -> None:
    """Minimize a loss over random batches with a one-cycle learning rate.

    With few samples, batches become smaller and passes longer until a pass has ``least`` steps, see ``plan``.

    Args:
        parameters: The parameters that are trained, in place, at least one; or groups of them as torch's optimizers
            take them, each with its peak learning rate ``lr``.
        loss: A function that maps the indices of a batch (B,) to the mean loss of the batch.
        count: The number of training samples.
        epochs: The number of passes over the samples. 0 means no training.
        batch_size: The largest number of samples in a step. The last, smaller batch of a pass is left out.
        learning_rate: The peak of the cycle.
        weight_decay: The weight decay, which is decoupled for AdamW.
        optimizer: AdamW, or stochastic gradient descent with Nesterov momentum.
        decay: How the learning rate rises and falls.
        least: The least number of steps in a pass.
        stop_if_diverged: Whether to stop soon after a parameter becomes NaN or infinite, which it then stays. Fewer
            random numbers are drawn then, so what follows must not depend on them.

    Example:
        >>> weight = nn.Parameter(torch.zeros(1))
        >>> samples = torch.ones(100)
        >>> fit(
        ...     [weight],
        ...     lambda batch: (weight - samples[batch]).square().mean(),
        ...     count=100,
        ...     epochs=20,
        ...     batch_size=10,
        ...     learning_rate=0.1,
        ... )
        >>> round(weight.item(), 1)
        1.0

    Source of the schedule: Smith & Topin 2018, "Super-convergence".
    """
    trained: Any = list(parameters)
    groups = [group["params"] if isinstance(group, dict) else [group] for group in trained]
    fused = not any(each.is_complex() for group in groups for each in group)  # torch has no such kernel
    stepper: torch.optim.Optimizer
    if optimizer == "adamw":
        stepper = torch.optim.AdamW(trained, learning_rate, weight_decay=weight_decay, fused=fused)
    else:
        stepper = torch.optim.SGD(
            trained, learning_rate, weight_decay=weight_decay, momentum=0.9, nesterov=True, fused=fused
        )
    device = stepper.param_groups[0]["params"][0].device
    steps, batch_size = plan(count, epochs=epochs, batch_size=batch_size, least=least)
    peaks = [group["lr"] for group in stepper.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(stepper, peaks, total_steps=max(steps, 1), anneal_strategy=decay)
    for step, batch in enumerate(itertools.islice(_batches(count, batch_size, device), steps), start=1):
        stepper.zero_grad(set_to_none=True)
        loss(batch).backward()
        stepper.step()
        schedule.step()
        if stop_if_diverged and step % CHECK_STEPS == 0 and not are_finite(itertools.chain.from_iterable(groups)):
            return


def are_finite(weights: Iterable[Tensor]) -> bool:
    """Tell whether no weight is NaN or infinite."""
    return all(bool(weight.isfinite().all()) for weight in weights)


def _batches(count: int, batch_size: int, device: torch.device) -> Iterator[Tensor]:
    """Yield indices (B,) without end, in a new random order in each pass."""
    while True:
        for batch in torch.randperm(count).to(device).split(batch_size):
            if len(batch) == batch_size:
                yield batch
