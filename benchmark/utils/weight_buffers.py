"""Which buffers of a network are weights."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from ..interfaces import Normalize

STATISTICS = ("running_mean", "running_var")
"""Names of the buffers of normalizations that hold statistics of images, in torch, torchvision and timm."""
BOOKKEEPING = ("torch.ao.quantization.", "torch.nn.utils.")
"""Packages whose modules note ranges of activations, or keep what a weight is computed from, in buffers."""


def weight_buffers(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the name and the tensor of each weight that a module itself, not its parts, holds as a buffer.

    These are the buffers of more than one floating-point number that are saved with the network, such as weights that
    are kept from an optimizer, and tables of positions. No weights are running statistics of a normalization, the
    normalization of images (``Normalize``), single numbers such as a scale, whole numbers such as indices, and buffers
    that are not persistent, such as masks of attention, since code makes them anew.

    Example:
        >>> import torch
        >>> layer = nn.Module()
        >>> layer.register_buffer("kernel", torch.ones(8, 3))
        >>> layer.register_buffer("steps", torch.tensor(0))
        >>> [name for name, _ in weight_buffers(layer)]
        ['kernel']
    """
    if isinstance(module, Normalize) or f"{type(module).__module__}.".startswith(BOOKKEEPING):
        return
    for name, buffer in module.named_buffers(recurse=False):
        saved = name not in module._non_persistent_buffers_set
        if saved and name not in STATISTICS and buffer.is_floating_point() and buffer.numel() > 1:
            yield name, buffer
