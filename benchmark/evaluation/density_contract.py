"""What the density of a random channel must depend on: every number that is sent."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ContractError
from ..interfaces import Channel, SplitModel

TRIED_IMAGES = 8
"""Images that are sent, at most."""
REPEATS = 4
"""How often each is sent: a number that noise changes is not the same each time."""
TRIED_NUMBERS = 64
"""Numbers that are exchanged, at most."""


def require_whole_density(model: SplitModel, images: Tensor) -> None:
    """Check that the density which the bounds are computed from leaves out no number that is sent.

    Args:
        model: The protected model. One that overrides how wires are sent has no bound and is not checked.
        images: Images under attack, (N, C, H, W).

    Raises:
        ContractError: If it leaves one out.
    """
    if (type(model).send, type(model).overheard) != (SplitModel.send, SplitModel.overheard):
        return
    images = images[:TRIED_IMAGES].clone()  # which a channel may change in place
    with torch.no_grad():
        require_density_of_each_number(model.input_channel, images)
        require_density_of_each_number(model.ir_channel, model.client(model.input_channel(images.clone())))


def require_density_of_each_number(channel: Channel, values: Tensor) -> None:
    """Check that the density depends on each number that is sent as it is, without noise.

    Such a number is the same however often an image is sent, and differs between images. That of another image in its
    place must be less likely.

    Args:
        channel: The channel.
        values: What enters it, (N, ...).

    Raises:
        ContractError: If another image's number is as likely.

    Example:
        >>> require_density_of_each_number(Channel(), torch.rand(8, 3))
    """
    if not channel.stochastic or len(values) < 2:
        return
    sent = channel(values.clone())
    density = channel.log_density(values, sent)
    if density is None:
        return
    repeated = torch.stack([channel(values.clone()) for _ in range(REPEATS - 1)])
    fixed = (repeated == sent).all(0).flatten(1).all(0)
    numbers = sent.flatten(1)  # (N, K)
    of_another = numbers.roll(1, 0)
    differs = numbers != of_another
    for number in (fixed & differs.any(0)).nonzero().flatten()[:TRIED_NUMBERS].tolist():
        exchanged = numbers.clone()
        exchanged[:, number] = of_another[:, number]
        other = channel.log_density(values, exchanged.view(sent.shape))
        if other is not None and (other == density)[differs[:, number]].any():
            raise ContractError(
                f"Expected a log_density of every number that is sent, got one that leaves out number {number} of "
                f"{fixed.numel()}, which is sent without noise. Add noise to it, or return -inf where it differs."
            )
