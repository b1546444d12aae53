"""Training: one loop for targets, decoders and fine-tuning, and the recipe of the targets."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .errors import Inapplicable
from .interfaces import ImageSet, Normalize, Target, Training

RECIPE_VERSION = 2
"""Raised whenever targets come out differently."""
MIN_STEPS = 200
"""Steps of a recipe at least, by default, however few the images are.

Measured at 60 to 300 images (MNIST, CIFAR-10): targets and decoders that are given so many have stopped improving by
much, and decoders are above the best linear one; with 2,000 steps some get worse, since they learn the images by heart.
"""
SMALLEST_BATCH = 32
"""Images to which a batch is reduced to make more steps, before images are used more than once in a pass."""


class Plan(NamedTuple):
    """How a training is divided into steps."""

    steps: int
    batch_size: int


def plan(count: int, *, epochs: int, batch_size: int, least: int) -> Plan:
    """Divide passes over samples into steps: smaller batches, and then longer passes, where these are too short.

    Args:
        count: number of training samples.
        epochs: passes over the samples; 0 is no training.
        batch_size: samples in a step, at most.
        least: steps of a pass, at least. It changes nothing where the samples make as many.
    """
    batch_size = min(batch_size, count)
    if count // batch_size < least:
        batch_size = min(batch_size, max(SMALLEST_BATCH, count // least))
    return Plan(epochs * max(least, count // batch_size), batch_size)


def fit(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[Tensor], Tensor],
    *,
    count: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    optimizer: Literal["adamw", "sgd"] = "adamw",
    least: int = 1,
) -> None:
    """Minimize a loss over random batches with a one-cycle learning rate.

    Few samples make few batches, so batches become smaller, and passes longer, until a pass has ``least`` steps.

    Source of the schedule: Smith & Topin 2018, "Super-convergence".

    Args:
        parameters: what is trained.
        loss: maps the indices of a batch (B,) to its mean loss.
        count: number of training samples.
        epochs: passes over the samples; 0 is no training.
        batch_size: samples in a step, at most; the last, smaller batch of a pass is left out.
        learning_rate: the peak of the cycle.
        weight_decay: weight decay, decoupled for AdamW.
        optimizer: AdamW, or stochastic gradient descent with Nesterov momentum.
        least: steps of a pass, at least.
    """
    trained = list(parameters)
    device = trained[0].device
    steps, batch_size = plan(count, epochs=epochs, batch_size=batch_size, least=least)
    stepper: torch.optim.Optimizer
    if optimizer == "adamw":
        stepper = torch.optim.AdamW(trained, learning_rate, weight_decay=weight_decay, fused=True)
    else:
        stepper = torch.optim.SGD(
            trained, learning_rate, weight_decay=weight_decay, momentum=0.9, nesterov=True, fused=True
        )
    schedule = torch.optim.lr_scheduler.OneCycleLR(stepper, learning_rate, total_steps=max(steps, 1))
    for batch in itertools.islice(_batches(count, batch_size, device), steps):
        stepper.zero_grad(set_to_none=True)
        loss(batch).backward()
        stepper.step()
        schedule.step()


def _batches(count: int, batch_size: int, device: torch.device) -> Iterator[Tensor]:
    """Indices (B,) in a new random order in each pass, without end."""
    while True:
        for batch in torch.randperm(count).to(device).split(batch_size):
            if len(batch) == batch_size:
                yield batch


def train_target(model: nn.Module, data: ImageSet, training: Training) -> None:
    """Train a classifier in place, from images in [0, 1] to labels.

    Convolutions are batch-normalized during training and the normalization is folded into them at the end, which
    reaches the same accuracy in half the steps and leaves the architecture as it was, but for ``add_biases``.

    Args:
        model: an untrained network that takes images (N, C, H, W).
        data: the victim's training images.
        training: epochs and augmentation.
    """
    add_biases(model)
    normalize_convolutions(model)
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    model.train()

    def loss(batch: Tensor) -> Tensor:
        images = augment(data.images[batch], training).contiguous(memory_format=torch.channels_last)
        return functional.cross_entropy(model(images), data.labels[batch])

    fit(
        model.parameters(),
        loss,
        count=len(data),
        epochs=training.epochs,
        batch_size=128,
        learning_rate=0.1,
        weight_decay=5e-4,
        optimizer="sgd",
        least=math.ceil(MIN_STEPS / training.epochs),
    )
    model.eval()
    fold_normalization(model)
    model.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]


def train_head(target: Target, data: ImageSet, training: Training) -> None:
    """Train the last fully connected layer or convolution of a classifier in place; all else stays as it is.

    Args:
        target: a network with trained weights, whose last layer is new.
        data: the victim's training images.
        training: epochs.
    """
    layers = list(target.eval().layers.children())
    place = max(position for position, layer in enumerate(layers) if _heads(layer))
    head, body, tail = _heads(layers[place])[-1], nn.Sequential(*layers[:place]), nn.Sequential(*layers[place:])
    with torch.no_grad():
        parts = torch.arange(len(data), device=data.labels.device).split(64)
        features = torch.cat([body(target.normalize(data.images[part])) for part in parts])

    def loss(batch: Tensor) -> Tensor:
        return functional.cross_entropy(tail(features[batch]), data.labels[batch])

    target.requires_grad_(False)
    head.requires_grad_(True)
    fit(
        head.parameters(),
        loss,
        count=len(data),
        epochs=training.epochs,
        batch_size=128,
        learning_rate=0.01,
        least=math.ceil(MIN_STEPS / training.epochs),
    )


def _heads(layer: nn.Module) -> list[nn.Module]:
    return [part for part in layer.modules() if isinstance(part, nn.Linear | nn.Conv2d)]


def augment(images: Tensor, training: Training) -> Tensor:
    """Mirror and move a batch (B, C, H, W) at random."""
    if training.flip:
        mirrored = torch.rand(len(images), device=images.device) < 0.5
        images = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)
    if training.shift:
        reach = training.shift
        height, width = images.shape[2:]
        padded = functional.pad(images, (reach,) * 4)
        down, right = torch.randint(0, 2 * reach + 1, (2, len(images), 1), device=images.device)
        rows = (down + torch.arange(height, device=images.device))[:, None, :, None]  # (B, 1, H, 1)
        columns = (right + torch.arange(width, device=images.device))[:, None, None, :]  # (B, 1, 1, W)
        sample = torch.arange(len(images), device=images.device).view(-1, 1, 1, 1)
        channel = torch.arange(images.shape[1], device=images.device).view(1, -1, 1, 1)
        images = padded[sample, channel, rows, columns]
    return images


def add_biases(module: nn.Module) -> None:
    """Give every convolution a bias, which training folds a normalization into; 0 where it has none.

    A network with normalization of its own is left as it is.
    """
    if _is_normalized(module):
        return
    for part in module.modules():
        if isinstance(part, nn.Conv2d) and part.bias is None:
            part.bias = nn.Parameter(part.weight.new_zeros(part.out_channels))


def normalize_convolutions(module: nn.Module) -> None:
    """Put a batch normalization behind every convolution of a network that has none of its own."""
    if _is_normalized(module):
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d):
                weight = child.weight
                normalization = _Folded(child.out_channels, device=weight.device, dtype=weight.dtype)
                setattr(parent, name, nn.Sequential(child, normalization))


def fold_normalization(module: nn.Module) -> None:
    """Undo ``normalize_convolutions``: multiply the normalization into the convolutions' weights."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            match list(child.children()):
                case [nn.Conv2d() as convolution, _Folded() as normalization]:
                    setattr(parent, name, fuse_conv_bn_eval(convolution.eval(), normalization.eval()))


def _is_normalized(module: nn.Module) -> bool:
    return any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules())


class _Folded(nn.BatchNorm2d):
    """A batch normalization that will be folded away."""


def untrained_copy(module: nn.Module) -> nn.Module:
    """The same structure with fresh random weights, drawn from the current random stream.

    Raises:
        Inapplicable: if a module cannot be reset, since the copy would then hold trained weights.
    """
    fresh = copy.deepcopy(module)
    for part in fresh.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            reset()
    for (name, old), new in zip(module.named_parameters(), fresh.parameters(), strict=True):
        new.requires_grad_(True)
        if torch.equal(old, new) and old.unique().numel() > 1:
            raise Inapplicable(
                f"the parameter {name} of the client has no reset_parameters, so no untrained copy exists"
            )
    for old, new in zip(module.modules(), fresh.modules(), strict=True):
        if not isinstance(old, Normalize):  # it is known to everyone
            _refuse_kept_numbers(old, new)
    return fresh


def _refuse_kept_numbers(module: nn.Module, fresh: nn.Module) -> None:
    """Raise if a buffer of a reset module still holds numbers, such as those of a frozen batch normalization."""
    for name, buffer in module.named_buffers(recurse=False):
        kept = buffer.is_floating_point() and torch.equal(buffer, fresh.get_buffer(name))
        if kept and buffer.unique().numel() > 1:
            raise Inapplicable(
                f"the buffer {name} of {type(module).__name__} has no reset, so no untrained copy exists"
            )
