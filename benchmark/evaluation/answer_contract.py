"""What a protected model must keep when it answers, tried on a few images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..errors import ContractError
from ..interfaces import SplitModel, Wire
from ..utils.isolation import isolated
from .copies import copied
from .observe import chunks
from .wire_contract import is_rounded, require_alone

FEW_IMAGES, FEW_MESSAGES = 8, 2
"""Images whose wires are answered alone: tensors, and byte strings, which may take seconds each."""
TOLERATED = 0.05
"""Relative difference of answers from rounding alone, and from the errors of encrypted computation."""
REPEATED = 0.01
"""Relative difference of answers up to which they count as the same, so that they are not random."""
MAX_NOISE = 3
"""How many times the distance of two random answers to the same wires counts as the same noise."""
MIXED_ANSWERS = (
    "Expected a server whose answer to a wire does not depend on other wires, got another answer to a wire alone. "
    "Compute each answer from its own wire, since a device sends one image at a time."
)
NOT_FROM_FLOAT32 = (
    "Expected the same answers to a wire whose numbers are rounded to float32, in which attacks read them, got others. "
    "Define Channel.read, which returns the wire as numbers of that size."
)
NOT_FROM_THE_WIRE = (
    "Expected answers that follow from the wire, got others when a copy of the model that has sent nothing answers the "
    "same wires. Send all that the server needs."
)


def require_answers(model: SplitModel, images: Tensor, measured: Tensor, *, identity: object) -> None:
    """Check that the answers whose utility was measured follow from the wires, each from the wire of that image alone.

    Wires that are not random are answered one by one, by a copy of the model that has sent nothing. If wires are
    random, a few images are sent alone. Where their answers are random, too, wires are answered alone and together.
    Each wire is read as that of another image is, so that what reads it holds nothing of the image.

    Args:
        model: The protected model, which has sent nothing yet. It sends and answers here.
        images: The images whose utility was measured, (N, C, H, W).
        measured: The outputs that were measured for the first ones of them, (K, ...).
        identity: The value that determines the random stream.

    Raises:
        ContractError: If they do not.
        ContractError: If an image alone gives another wire than beside so many others, though wires are not random.
    """
    with isolated("answers alone", identity), torch.no_grad():
        if model.stochastic:
            _require_of_random(model, images, measured)
        else:
            _require_of_fixed(copied(model), model, images, measured)


def _require_of_fixed(sender: SplitModel, server: SplitModel, images: Tensor, measured: Tensor) -> None:
    part = chunks(images)[0]
    view = sender.send(part[-1:].clone()).view
    wire = _plain(sender.send(part.clone()), view)
    _require_float32(server, wire)
    if type(sender).overheard is SplitModel.overheard:
        require_alone(sender, wire, part)
    count = min(FEW_IMAGES, len(measured))
    alone = _one_by_one(server, wire, count)
    if _near(alone, measured) or _is_noise(alone, _one_by_one(server, wire, count), measured):
        return
    together = server.answer(wire.copy())[: len(measured)]
    raise ContractError(MIXED_ANSWERS if _near(together, measured) else NOT_FROM_THE_WIRE)


def _require_of_random(model: SplitModel, images: Tensor, measured: Tensor) -> None:
    part = chunks(images)[0]
    other = model.send(part[-1:].clone())
    tensors = isinstance(other.payload, Tensor)
    count = min(FEW_IMAGES if tensors else FEW_MESSAGES, len(measured))
    _require_float32(model, other)

    def sent_alone(*, own_view: bool = False) -> Tensor:
        def answered(image: Tensor) -> Tensor:
            wire = model.send(image)
            return model.answer(wire if own_view else _plain(wire, other.view))

        return torch.cat([answered(part[at : at + 1].clone()) for at in range(count)])

    alone = sent_alone()
    if _near(alone, measured):
        return
    repeats = _within(sent_alone(), alone, REPEATED).all()
    if repeats and not _within(alone, measured, TOLERATED).any():
        raise ContractError(NOT_FROM_THE_WIRE if _near(sent_alone(own_view=True), measured) else MIXED_ANSWERS)
    if tensors:
        require_answers_apart(model, model.send(part.clone()))


def _require_float32(model: SplitModel, wire: Wire) -> None:
    """Check that the server needs no more of a wire than attacks read."""
    if not is_rounded(model.ir_channel, wire):
        return
    few = replace(wire, payload=wire.payload[:FEW_IMAGES])
    assert isinstance(few.payload, Tensor)
    rounded = replace(few, payload=_rounded(few.payload))
    exact, again, found = (copied(model).answer(each.copy()) for each in (few, few, rounded))
    if not _near(found, exact) and not _is_noise(exact, again, found):
        raise ContractError(NOT_FROM_FLOAT32)


def _plain(wire: Wire, view: Callable[[tuple[bytes, ...]], Tensor]) -> Wire:
    """Return a wire of nothing but numbers or bytes, which is read as another one is."""
    if isinstance(wire.payload, Tensor):
        return Wire(wire.payload.as_subclass(Tensor).clone(), view, wire.packed)
    return Wire(tuple(bytes(memoryview(each)) for each in wire.payload), view, wire.packed)


def _rounded(numbers: Tensor) -> Tensor:
    """Return numbers as float32 holds them, in their type. Whole numbers that it rounds out of their type stay."""
    if numbers.is_complex() or numbers.is_floating_point():
        return numbers.to(torch.complex64 if numbers.is_complex() else torch.float32).to(numbers.dtype)
    exact = numbers.cpu().numpy()
    single = exact.astype(np.float32).astype(np.float64)
    outside = single >= float(torch.iinfo(numbers.dtype).max)
    found = np.where(outside, exact, np.where(outside, 0, single).astype(exact.dtype))
    return torch.from_numpy(found).to(numbers.device)


def require_answers_apart(model: SplitModel, wire: Wire) -> None:
    """Check that the first wires are answered alone as they are beside all others.

    Args:
        model: The protected model.
        wire: What it has sent, a tensor (N, ...).

    Raises:
        ContractError: If they are not.
    """
    together, count = model.answer(wire.copy()), min(FEW_IMAGES, len(wire))
    alone = _one_by_one(model, wire, count)
    if not _near(alone, together) and not _is_noise(alone, _one_by_one(model, wire, count), together):
        raise ContractError(MIXED_ANSWERS)


def _one_by_one(model: SplitModel, wire: Wire, count: int) -> Tensor:
    """Return the answers to the first entries of a wire, each alone, (count, ...)."""
    entries = [replace(wire, payload=wire.payload[at : at + 1]).copy() for at in range(count)]
    return torch.cat([model.answer(entry) for entry in entries])


def _near(answers: Tensor, expected: Tensor) -> bool:
    """Return whether most answers (K, ...) are those expected, the first of (N, ...), but for rounding.

    An image on whose IR rounding decides, as that of a flat map may be, does not count.
    """
    return bool(_within(answers, expected, TOLERATED).double().mean() >= 0.5)


def _is_noise(alone: Tensor, again: Tensor, expected: Tensor) -> bool:
    """Return whether answers (K, ...) are about as far from others to the same wires as from those expected."""
    known = expected[: len(alone)]
    return alone.shape == known.shape and bool((alone - known).norm() <= MAX_NOISE * (alone - again).norm())


def _within(answers: Tensor, expected: Tensor, tolerance: float) -> Tensor:
    """Return which answers (K, ...) differ from the first expected ones, (N, ...), by a share of their usual length."""
    here, there = answers.flatten(1).double(), expected[: len(answers)].flatten(1).double()
    if here.shape != there.shape:
        return torch.zeros(len(here), dtype=torch.bool)
    return (here - there).norm(dim=1) <= tolerance * there.norm(dim=1).mean()
