"""Protect a network by a defense, and measure what that costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from ..errors import ContractError, describe
from ..interfaces import Defense, ImageSet, Pools, SplitModel, TaughtImages, Wire
from ..metrics.costs import Costs, measure_costs
from ..metrics.utility import by_chance
from ..plan.cells import Setting
from ..plan.references import REFERENCE_DEFENSE
from ..utils.isolation import isolated
from ..utils.seeding import stream_seed
from ..utils.texts import described
from .answer_contract import FEW_IMAGES, require_answers
from .copies import copied
from .low_bits_note import low_bits_note
from .observe import overhear
from .sent_bytes import is_unread, overheard_messages, unseen_bytes
from .server_reading import as_server_reads
from .signed_zeros_note import signed_zeros_note
from .unchanged_wires import is_unchanged
from .utility import Answers, MeasuredUtility, measure, of_undefended
from .wire_contract import require_wires

MEASURED = frozenset(
    {
        *("aux_overlap", "bytes_down", "chance", "chance_high", "channel_macs", "classes", "client_added_ms"),
        *("client_overhead_ms", "client_spread_ms", "client_undefended_ms", "pair_error", "protect_seconds"),
        *("server_macs", "server_param_bytes", "unread_bytes", "unseen_bytes", "utility_error", "utility_undefended"),
        "wire_unchanged",
    }
)
"""Names of details that the benchmark measures, and that audits read."""
MEASURED_PREFIXES = ("attribute_", "bound_", "dfil_", "evaluator_", "identified_", "oracle_", "psnr_db_")
"""What the names of further such details begin with."""


@dataclass(frozen=True)
class Protected:
    """A protected model, its wire, and what was measured of it.

    Attributes:
        model: The protected model.
        wire: What the adversary saw of the private images under attack.
        seen_model: The model as attackers with queries see it, whose wires may be what the server reads in them.
        seen_wire: What they read of the private images under attack.
        useful: Its utility on the private pool, or on a sample if the model asks for one.
        costs: Its prices.
        details: What else was measured of it, by name.
        notes: What a reader of these figures should know, in words, by name.

    Example:
        >>> artifacts.protected(setting).costs.wire_bytes  # doctest: +SKIP
        576.0
    """

    model: SplitModel
    wire: Wire
    seen_model: SplitModel
    seen_wire: Wire
    useful: MeasuredUtility
    costs: Costs
    details: dict[str, float]
    notes: dict[str, str]

    @property
    def seen_whole(self) -> bool:
        """Return whether the wire is all that the device sends, so that a bound on what it says holds for attackers."""
        return "unseen_bytes" not in self.details


def protect(
    setting: Setting,
    *,
    undefended: SplitModel,
    pools: Pools,
    originals: Tensor,
    train: ImageSet,
    answers: Callable[[int | None], Answers],
) -> Protected:
    """Apply the defense of a setting, and measure the protected model.

    Args:
        setting: Names the defense, and the random streams.
        undefended: The split target, which stays as it is.
        pools: The data.
        originals: The private images under attack, (N, C, H, W).
        train: The training images of the defense.
        answers: Gives the outputs of the undefended target for a sample of so many private images; None means all.

    Raises:
        Inapplicable: If the defense has no meaning for this model or split.
        ContractError: If its answers are not finite, or do not follow from the wires.
        ContractError: If what it sends is not a wire of each image by itself.
        TypeError: If it does not return a split model, or the model cannot be copied.
    """
    start = time.perf_counter()
    model = defended(setting, undefended, train)
    fresh = copied(model)  # before it sends anything, since it may count what it sends
    with isolated("wire", setting.identity):
        wire = overhear(model, originals)
    require_wires(fresh, wire, originals, identity=setting.identity)
    seen_model, seen_wire = as_server_reads(model, wire, pools.aux.images, identity=setting.identity)
    test = sample_images(pools.private, model.accuracy_images)
    reference = answers(len(test) if len(test) < len(pools.private) else None)
    useful, told = of_undefended(reference), dict[str, float]()
    if setting.defense.name != REFERENCE_DEFENSE:
        useful, told, first = _measure(model, test, reference, setting.identity)
        require_answers(fresh, test.images, first, identity=setting.identity)
        with isolated("unchanged wire", setting.identity):
            told |= {"wire_unchanged": 1.0} if is_unchanged(undefended, seen_model, seen_wire, originals) else {}
    with isolated("costs", setting.identity):
        costs = measure_costs(
            copied(model), pools.private.images[:1].clone(), undefended, wire=overheard_messages(model, wire)
        )
    details = {
        **told,
        "classes": len(pools.classes),
        **by_chance(pools.task, test.labels),
        "utility_undefended": useful.undefended,
        **({} if useful.error is None else {"utility_error": useful.error}),
        "bytes_down": costs.bytes_down,
        **costs.timing,
        "server_param_bytes": costs.server_param_bytes,
        **({} if costs.server_macs is None else {"server_macs": costs.server_macs}),
        **({"channel_macs": costs.channel_macs} if costs.channel_macs else {}),
        "protect_seconds": round(time.perf_counter() - start, 3),
        **({"unread_bytes": 1.0} if is_unread(model, wire) else {}),
        **({"unseen_bytes": float(unseen)} if (unseen := unseen_bytes(model, costs)) else {}),
    }
    notes = {"client_macs": f"Without the operations of {', '.join(costs.uncounted)}." if costs.uncounted else ""}
    if type(model).overheard is not SplitModel.overheard:
        notes["overheard"] = "The defense states what the adversary sees, which may be another wire than what is sent."
    with isolated("low bits", setting.identity):
        notes |= low_bits_note(model, originals)
    with isolated("signed zeros", setting.identity):
        notes |= signed_zeros_note(model, originals)
    if seen_model is not model:
        notes["wire"] = "Attacks read what the first operations of the server make of the wire, which tells them more."
    return Protected(model, wire, seen_model, seen_wire, useful, costs, details, notes)


def with_teacher(train: ImageSet, undefended: SplitModel, *, class_outputs: bool) -> ImageSet:
    """Return images without labels, of which the undefended network is the teacher.

    Args:
        train: The victim's training images.
        undefended: The split target, which stays as it is.
        class_outputs: Whether the network gives logits of classes.
    """
    teacher = undefended.copy()
    teacher.modules().eval().requires_grad_(False)
    return TaughtImages(
        train.images, train.labels, task=train.task, teacher=teacher.logits, class_outputs=class_outputs
    )


def defended(setting: Setting, undefended: SplitModel, train: ImageSet) -> SplitModel:
    """Apply the defense of a setting, and return the protected model, frozen and in evaluation mode.

    Args:
        setting: Names the defense, and the random stream.
        undefended: The split target, which stays as it is.
        train: The victim's training images.

    Raises:
        Inapplicable: If the defense has no meaning for this model or split.
        TypeError: If it does not return a split model.
    """
    with isolated("protect", setting.defense_stream):
        return applied(cast(Defense, setting.defense.component), undefended.copy(), train.copy())


def applied(defense: Defense, model: SplitModel, train: ImageSet) -> SplitModel:
    """Apply a defense to a model, and return the protected one, frozen and in evaluation mode.

    Args:
        defense: The defense.
        model: The split model, whose weights are frozen.
        train: The victim's training images.

    Raises:
        Inapplicable: If the defense has no meaning for this model or split.
        RuntimeError: If it trains weights that it has not unfrozen.
        TypeError: If it does not return a split model.
    """
    try:
        return frozen(defense.protect(model, train))
    except RuntimeError as error:
        if "does not require grad" not in str(error):
            raise
        raise RuntimeError(
            "Expected a loss of weights that can be trained, got one without, since the weights of the given model are "
            "frozen. Call modules().requires_grad_(True) on a copy of it, and train the copy."
        ) from error


def frozen(model: object) -> SplitModel:
    """Return what a defense returned, frozen and in evaluation mode.

    Raises:
        TypeError: If it is not a split model.
    """
    if not isinstance(model, SplitModel):
        raise TypeError(f"Expected protect to return a SplitModel, got {type(model).__name__}. Return one.")
    model.modules().eval().requires_grad_(False)
    return model


def _measure(
    model: SplitModel, test: ImageSet, reference: Answers, identity: object
) -> tuple[MeasuredUtility, dict[str, float], Tensor]:
    """Measure the utility of a protected model on the test images, and its own details. Keep its first outputs."""
    first = list[Tensor]()

    def network(images: Tensor) -> Tensor:
        outputs = _classified(model, images)
        if not first:
            first.append(outputs[:FEW_IMAGES].clone())
        return outputs

    with isolated("accuracy", identity):
        useful, outputs = measure(network, test, reference)
        told = {}
        if type(model).details is not SplitModel.details and outputs:
            told = require_details(model.details(test.images.clone(), test.labels.clone(), torch.cat(outputs)))
        return useful, told, first[0]


def require_details(told: object) -> dict[str, float]:
    """Return the figures that a protected model has of itself, by name.

    Raises:
        ContractError: If they are not numbers by name, or have the names of what the benchmark measures.

    Example:
        >>> require_details({"kept_channels": 12})
        {'kept_channels': 12.0}
    """
    if not isinstance(told, Mapping):
        raise ContractError(
            f"Expected details to return a dictionary of numbers by name, got {type(told).__name__}. Return one."
        )
    found = dict[str, float]()
    for name, value in told.items():
        try:
            number = float(value)
        except (TypeError, ValueError, RuntimeError):  # the last one of a tensor of several numbers
            number = None
        if not isinstance(name, str) or number is None:
            raise ContractError(
                f"Expected details to return numbers by name, got {name!r}: {described(value, repr)}. Name each by a "
                "text, and return what float() converts."
            )
        if name in MEASURED or name.startswith(MEASURED_PREFIXES):
            raise ContractError(
                f"Expected other names in details than those of what is measured, got {name!r}. Rename it."
            )
        found[name] = number
    return found


def _classified(model: SplitModel, images: Tensor) -> Tensor:
    """Return the outputs for images (N, C, H, W).

    Raises:
        TypeError: If the server does not take what the channel sends.
    """
    try:
        return model.classify(images)
    except (RuntimeError, TypeError, ValueError) as error:
        if type(model) is not SplitModel or isinstance(error, torch.OutOfMemoryError):
            raise
        sent, remedy = model.send(images[:1]).payload, "Give the server layers that take it."
        what = f"{sent.dtype} {tuple(sent.shape[1:])}" if isinstance(sent, Tensor) else "byte strings"
        if isinstance(sent, Tensor) and sent.dtype != images.dtype:
            remedy = "Convert it in the server's first layer, as with .float()."
        raise TypeError(
            f"Expected a server that takes what is sent, {what} for each image: {describe(error).rstrip('.')}. {remedy}"
        ) from error


def sample_images(pool: ImageSet, count: int | None) -> ImageSet:
    """Select ``count`` random images, the same ones in every run, or all if ``count`` is None or there are fewer.

    Neither the first images nor those at equal distances would do: some pools are sorted by class, and others have
    their classes in turn.
    """
    if count is None or count >= len(pool):
        return pool
    generator = torch.Generator().manual_seed(stream_seed("accuracy sample", len(pool)))
    return pool[torch.randperm(len(pool), generator=generator)[:count].to(pool.labels.device)]
