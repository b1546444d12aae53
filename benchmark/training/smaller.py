"""Training on smaller images, which takes less time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional


def shrink(images: Tensor, side: float) -> Tensor:
    """Return images (N, C, H, W) with sides of a share of theirs, averaged over the pixels.

    Example:
        >>> shrink(torch.ones(1, 1, 8, 6), 0.5).shape
        torch.Size([1, 1, 4, 3])
    """
    if side == 1:
        return images
    size = [max(1, round(side * length)) for length in images.shape[2:]]
    return functional.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)


@contextmanager
def takes_smaller(network: nn.Module, images: Tensor, sides: Sequence[float]) -> Iterator[bool]:
    """Let a network take smaller images: maps that it flattens are enlarged to their usual size.

    Args:
        network: Takes images (N, C, H, W).
        images: Images of the usual size.
        sides: Shares of their sides that are needed.

    Yields:
        Whether the network takes images of all these sizes. One with learned positions does not.
    """
    usual: dict[nn.Module, torch.Size] = {}

    def remember_or_enlarge(layer: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor] | None:
        (maps,) = inputs
        size = usual.setdefault(layer, maps.shape[2:])
        if len(size) != 2 or maps.shape[2:] == size:
            return None
        return (functional.interpolate(maps, tuple(size), mode="nearest-exact"),)

    flattening = [layer for layer in network.modules() if isinstance(layer, nn.Flatten)]
    hooks = [layer.register_forward_pre_hook(remember_or_enlarge) for layer in flattening]
    try:
        yield all(_takes(network, shrink(images[:2], side)) for side in (1.0, *sides))
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def _takes(network: nn.Module, images: Tensor) -> bool:
    modes = [(part, part.training) for part in network.modules()]
    try:
        network.eval()(images)
    except Exception:  # whatever a network raises that does not take them
        return False
    finally:
        for part, mode in modes:
            part.training = mode
    return True
