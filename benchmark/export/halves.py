"""The two halves of a split model as modules of torch, if graphs can express all that they do."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ..errors import UsageError
from ..interfaces import Channel, SplitModel

PROTOCOL = ("send", "overheard", "exchange", "answer", "classify")
"""Methods of a split model that a defense overrides if the halves exchange more than one tensor."""


class ClientHalf(nn.Module):
    """Compute what the device sends for images, with all random numbers drawn inside.

    Example:
        >>> import torch
        >>> model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(64, 10)))
        >>> ClientHalf(model)(torch.rand(2, 1, 8, 8)).shape
        torch.Size([2, 64])
    """

    def __init__(self, model: SplitModel) -> None:
        """Take the client of a split model and both of its channels."""
        super().__init__()
        self.input_channel, self.client, self.ir_channel = model.input_channel, model.client, model.ir_channel

    def forward(self, image: Tensor) -> Tensor:
        """Return the wire (N, ...) of images (N, C, H, W) in [0, 1]."""
        return self.ir_channel(self.client(self.input_channel(image)))


@dataclass(frozen=True)
class Halves:
    """Both halves of a split model, on the CPU and in evaluation mode.

    Attributes:
        client: From images (N, C, H, W) in [0, 1] to the wire (N, ...).
        server: From the wire (N, ...) to logits (N, classes).
        rounds: Whether the client contains a channel, which may round values to levels or choose among them.

    Example: See ``halves_of``, which returns them.
    """

    client: nn.Module
    server: nn.Module
    rounds: bool


def halves_of(model: SplitModel, defense: str) -> Halves:
    """Divide a protected model into its halves.

    Args:
        model: The protected model. It is not changed.
        defense: The name of the defense, for errors.

    Raises:
        UsageError: If the halves exchange more than one tensor, as in encryption, its noise needs exact
            arithmetic, or nothing is left for the server.
    """
    changed = [name for name in PROTOCOL if getattr(type(model), name) is not getattr(SplitModel, name)]
    if changed:
        raise UsageError(
            f"Expected a defense whose client sends one tensor, got {defense}, which changes the protocol between "
            "client and server. Graphs cannot express that: export with --defense undefended, and encrypt what "
            "crosses in your deployment."
        )
    if model.input_channel.exact_noise or model.ir_channel.exact_noise:
        raise UsageError(
            f"Expected noise that a graph can add, got {defense}, whose guarantee needs noise from exact integer "
            "arithmetic. Run this client with mia_bench on the device, or export noise without a guarantee, such as "
            "--defense dp_ir --sigma 0.1."
        )
    if not len(model.server):
        raise UsageError(
            f"Expected layers behind the split, got none with {defense}: the device computes the whole network. Choose "
            "an earlier split."
        )
    copied = model.copy()
    copied.modules().cpu().eval().requires_grad_(False)
    plain = all(type(channel) is Channel for channel in (model.input_channel, model.ir_channel))
    return Halves(ClientHalf(copied), copied.server, rounds=not plain)
