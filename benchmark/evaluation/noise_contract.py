"""What the noise of a protected model must be: drawn anew for each image, each time."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ContractError
from ..interfaces import SplitModel, Wire
from .same_wires import entry, rounded, same

FEW_IMAGES = 8
"""Images of which it is tried whether they are sent as another wire each time."""
COPIES = 4
"""How often an image is in a batch that shows whether its place there matters."""
SENDS = 8
"""Batches that must be the same wires before noise counts as fixed. Some noise is one of two values."""
PLACED = (
    "Expected wires that do not depend on the place of an image in its batch, got another one at each place. Draw "
    "noise without setting a seed in forward, and set stochastic = True on the channel."
)
FIXED_NOISE = (
    "Expected another wire each time that a random channel sends an image, got the same one. Draw noise without "
    "setting a seed in forward, or leave stochastic = True out."
)


def require_any_place(model: SplitModel, image: Tensor) -> None:
    """Check that copies of an image in one batch get the same wire, unless other batches get others.

    Noise from a seed that is set for each batch differs between the places of a batch, but not between batches. An
    attacker who knows the defense knows it, too.

    Args:
        model: The protected model, which sends the image.
        image: An image, (1, C, H, W).

    Raises:
        ContractError: If each copy gets another wire than the first one, and the same ones each time.
    """
    copies = image.repeat(COPIES, 1, 1, 1)
    first = model.overheard(copies.clone())
    entries = [entry(first, at) for at in range(COPIES)]
    if any(same(entry, entries[0]) for entry in entries[1:]) or not _is_repeated(model, copies, first):
        return
    if isinstance(first.payload, Tensor):
        moved = model.overheard(rounded(copies)).tensor[0]
        here, others = first.tensor[0], first.tensor[1:]
        if any((here - there).norm() <= 2 * (here - moved).norm() for there in others):
            return
    raise ContractError(PLACED)


def require_fresh_noise(model: SplitModel, images: Tensor) -> None:
    """Check that a model which is declared random adds noise that is drawn each time, if it changes wires at all.

    Args:
        model: The protected model, which sends images. One that overrides how wires are sent is not checked.
        images: Images, (N, C, H, W), of which a few are sent.

    Raises:
        ContractError: If the wires are always the same, though they promise an epsilon or are not the clean values.
    """
    if not model.stochastic or (type(model).send, type(model).overheard) != (SplitModel.send, SplitModel.overheard):
        return
    few = images[:FEW_IMAGES]
    first = model.overheard(few.clone())
    if not _is_repeated(model, few, first):
        return
    with torch.no_grad():
        clean = model.ir_channel.clean(model.client(model.input_channel.clean(few.clone())))
    if model.promise.epsilon is not None or not same(Wire(model.ir_channel.read(first)), Wire(clean)):
        raise ContractError(FIXED_NOISE)


def _is_repeated(model: SplitModel, images: Tensor, wire: Wire) -> bool:
    """Return whether images are sent as exactly the same wire again and again."""
    again = (model.overheard(images.clone()).payload for _ in range(SENDS - 1))
    sent = wire.payload
    if isinstance(sent, Tensor):
        return all(isinstance(each, Tensor) and torch.equal(each, sent) for each in again)
    return all(not isinstance(each, Tensor) and each == sent for each in again)
