"""What a protected model must keep when it sends, tried on a few images."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ..errors import ContractError
from ..interfaces import Channel, SplitModel, Wire
from ..interfaces.channel import readings
from ..utils.isolation import isolated
from .copies import copied
from .density_contract import require_whole_density
from .length_contract import require_silent_lengths
from .noise_contract import require_any_place, require_fresh_noise
from .same_wires import entry, rounded, same

TOLERATED = 0.05
"""Relative difference of wires from rounding alone. A number in ten thousand may fall on another level."""
MAX_ROUNDED = 1e-3
"""Largest error of float32, in standard deviations of the wires. An attack then has a signal of at least 60 dB."""
ROUNDED_TYPES = (torch.float64, torch.complex128, torch.int32, torch.int64, torch.uint32, torch.uint64)
"""Types of numbers that float32 does not hold exactly."""
MAX_NEIGHBORS = 7
"""Images at most beside which an image is sent."""
UNDECLARED = (
    "Expected the same wire for an image that is sent twice, got another one. Set stochastic = True on the channel."
)
NOT_RANDOM = (
    "Expected a random model for its epsilon, got one that is not. Add the noise in the channel, or leave epsilon out."
)
UNDECLARED_EPSILON = (
    "Expected no epsilon from a class whose guarantee is 'none', got {}. State the guarantee in the class, or leave "
    "epsilon out."
)
REPEATED_WIRES = 64
"""Wires of one image that are compared."""
COMPARED_BYTES = 4096
"""Bytes of each of them that are compared, evenly spaced."""
MAX_REPEATED = 0.75
"""Share of the bytes of two ciphertexts of one image that may be the same, such as headers and leading zeros."""
UNBACKED = (
    "Expected an epsilon or ciphertexts for the guarantee {!r}, got a wire that can be read, or that repeats if one "
    "image is sent often. Encrypt what is sent, with fresh randomness, or begin the guarantee with 'none'."
)
MIXED = (
    "Expected wires that do not depend on the images beside them, got another one for an image {where}. Compute what "
    "is sent from each image by itself."
)


def require_wires(model: SplitModel, wire: Wire, originals: Tensor, *, identity: object) -> None:
    """Check that float32 holds the wires, and that each depends on its own image alone.

    Args:
        model: The protected model, which has sent nothing yet. Copies of it send, so that it stays as it is.
        wire: What another copy of it sent of the images under attack.
        originals: These images, (N, C, H, W).
        identity: The value that determines the random stream.

    Raises:
        ContractError: If an image alone gives NaN, or another wire than beside others, if the wires are random without
            being declared so or the reverse, if attacks would lose what they hold, or if a guarantee or a bound is not
            backed.
    """
    require_float32(model.ir_channel, wire)
    with isolated("alone", identity):
        sender = copied(model)
        if not model.stochastic:
            require_repeatable(sender.overheard, originals[:1])
        require_alone(sender, wire, originals)
        require_backed(copied(model), originals[:1])
        require_silent_lengths(copied(model), originals)
    with isolated("density", identity):
        require_whole_density(copied(model), originals)
    require_independent(partial(copied, model), originals, identity=identity)
    with isolated("place", identity):
        require_any_place(copied(model), originals[:1])
        require_fresh_noise(copied(model), originals)


def require_backed(model: SplitModel, image: Tensor) -> None:
    """Check that a guarantee in words is that of random byte strings, as ciphertexts are.

    Differential privacy is backed by its epsilon. A guarantee that begins with "none" may say what is not protected.

    Args:
        model: The protected model, which sends the image alone, and as a batch of equal images.
        image: An image, (1, C, H, W).

    Raises:
        ContractError: If the wire can be read, or two of ``REPEATED_WIRES`` wires of the image are nearly the same.
    """
    promise = model.promise
    if promise.epsilon is not None or (promise.guarantee.startswith("none") and not promise.secrecy):
        return
    first, others = (model.send(image.repeat(count, 1, 1, 1)).payload for count in (1, REPEATED_WIRES - 1))
    if isinstance(first, Tensor) or isinstance(others, Tensor) or _repeat((*first, *others)):
        raise ContractError(UNBACKED.format(promise.guarantee))


def _repeat(messages: Sequence[bytes]) -> bool:
    """Return whether two of several messages are nearly the same. Ciphertexts have no more than headers in common."""
    shortest = min(map(len, messages))
    places = np.linspace(0, shortest - 1, min(shortest, COMPARED_BYTES)).round().astype(int)
    compared = np.stack([np.frombuffer(message, np.uint8)[places] for message in messages])
    return not shortest or any(
        bool(((compared[:index] == compared[index]).mean(1) > MAX_REPEATED).any()) for index in range(1, len(compared))
    )


def require_float32(channel: Channel, wire: Wire) -> None:
    """Check that float32, in which attacks read a wire, holds its numbers, unless the channel reads them itself.

    Numbers are compared with their deviation among the images and within each of them, since a large number that is
    the same everywhere says nothing.

    Raises:
        ContractError: If the error of float32 exceeds ``MAX_ROUNDED`` of that deviation.

    Example:
        >>> require_float32(Channel(), Wire(torch.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=torch.float64)))
    """
    if not is_rounded(channel, wire):
        return
    sent = cast(Tensor, wire.payload)
    numbers = torch.view_as_real(sent) if sent.is_complex() else sent
    exact = numbers.flatten(1).double()  # (N, K)
    lost = exact - numbers.flatten(1).float().double()
    worst = max((_relative(lost, exact, axis) for axis in (0, 1)), default=0.0)
    if worst > MAX_ROUNDED:
        kind = str(sent.dtype).removeprefix("torch.")
        raise ContractError(
            f"Expected a wire whose numbers float32 holds, got {kind} numbers that it rounds by {worst:.2g} times "
            "their standard deviation. Define Channel.read, which returns the wire as numbers of that size."
        )


def is_rounded(channel: Channel, wire: Wire) -> bool:
    """Return whether attacks read a wire in float32, which does not hold all numbers of its type.

    Example:
        >>> is_rounded(Channel(), Wire(torch.zeros(2, 3, dtype=torch.float64)))
        True
    """
    sent = wire.payload
    return isinstance(sent, Tensor) and sent.dtype in ROUNDED_TYPES and len(readings(channel)) == 1


def _relative(lost: Tensor, exact: Tensor, axis: int) -> float:
    """Return how much of the deviation of numbers (N, K) along an axis is lost."""
    deviation = [(each - each.mean(axis, keepdim=True)).norm().item() for each in (lost, exact)]
    return deviation[0] / deviation[1] if deviation[1] else 0.0


def require_repeatable(send: Callable[[Tensor], Wire], image: Tensor) -> None:
    """Check that an image (1, C, H, W) is sent as the same wire twice.

    Raises:
        ContractError: If it is not.
    """
    if not same(send(image.clone()), send(image.clone())):
        raise ContractError(UNDECLARED)


def require_independent(fresh: Callable[[], SplitModel], images: Tensor, *, identity: object) -> None:
    """Check that the wire of the first image is the same beside different images, as many of them.

    Nothing is checked if the same images give different wires, as with keys from the operating system, or if how many
    random numbers are drawn depends on the images, as for Poisson noise, so that the first image gets others.

    Args:
        fresh: Returns the model as it is before it has sent anything.
        images: Images (N, C, H, W).
        identity: The value that determines the random stream.

    Raises:
        ContractError: If the wire differs.
    """
    image, beside = images[:1], _neighbors(images)

    def send(own: Tensor, others: Tensor) -> tuple[Wire, tuple[object, ...]]:
        model = fresh()
        with isolated("beside others", identity):
            return model.overheard(torch.cat([own, others])), _states()

    (first, drawn), (again, _), (other, drawn_beside_other) = (send(image, beside[at]) for at in (0, 0, 1))
    if drawn != drawn_beside_other or not same(first, again) or same(entry(first, 0), entry(other, 0)):
        return
    if isinstance(first.payload, Tensor) and isinstance(other.payload, Tensor) and first.tensor.isfinite().all():
        here, there = first.tensor[0], other.tensor[0]
        moved = send(rounded(image), beside[0])[0].tensor[0]
        if here.shape == there.shape and (here - there).norm() <= 2 * (here - moved).norm():
            return
    raise ContractError(MIXED.format(where="that is sent beside other ones"))


def _states() -> tuple[object, ...]:
    """Return the states of all generators of random numbers, which say how many have been drawn."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    tensors = [torch.get_rng_state(), *devices]
    return (*(each.numpy().tobytes() for each in tensors), repr(np.random.get_state(legacy=False)), random.getstate())


def _neighbors(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return two sets of images, as many in each, that are not the first one."""
    others = images[1:]
    if len(others) < 2:
        return 1 - images[:1], images[:1] / 2
    count = min(MAX_NEIGHBORS, len(others) // 2)
    return others[:count], others[count : 2 * count]


def require_alone(model: SplitModel, wire: Wire, originals: Tensor) -> None:
    """Check that an image is sent as well without the images beside it, as a device sends it.

    Args:
        model: The protected model.
        wire: What it sent of the images under attack.
        originals: These images, (N, C, H, W).

    Raises:
        ContractError: If an image alone gives NaN, or another wire than beside others where wires are not random.
    """
    if not isinstance(wire.payload, Tensor):
        return
    alone, beside = model.overheard(originals[:1].clone()).tensor, wire.tensor[:1]
    if not alone.isfinite().all():
        raise ContractError(
            "Expected finite numbers on the wire of an image that is sent alone, got NaN or infinity. Compute nothing "
            "over the images of a batch, such as a standard deviation."
        )
    if model.stochastic:
        return
    same_shape = alone.shape == beside.shape
    near = same_shape and (alone - beside).norm() <= TOLERATED * beside.norm()
    if not near and not (same_shape and _moves_by_rounding(model, originals[:1], alone, beside)):
        raise ContractError(MIXED.format(where="that is sent alone"))


def _moves_by_rounding(model: SplitModel, image: Tensor, alone: Tensor, beside: Tensor) -> bool:
    """Return whether the wire of an image moves as far as ``beside`` if its pixels hardly change.

    Where a map is flat, many of its numbers are equal, and rounding decides which of them are the largest.
    """
    moved = model.overheard(rounded(image)).tensor
    return bool((alone - beside).norm() <= 2 * (alone - moved).norm())
