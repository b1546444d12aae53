"""Whether the outputs of a network for one image depend on the images beside it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...benchmark.errors import UsageError, reason_of

LARGEST_DIFFERENCE = 1e-3
"""By how much an image may change the outputs of another, relative to the largest output. Rounding stays far below."""


@torch.no_grad()
def require_independence(network: nn.Module, image_shape: tuple[int, int, int], kind: str) -> None:
    """Raise if the outputs of one image depend on the images beside it, or if one image alone is not taken.

    Args:
        network: Takes images (N, C, H, W), and gives one tensor (N, ...).
        image_shape: (C, H, W).
        kind: What the network is called in the message.

    Raises:
        UsageError: If they do.
    """
    images = torch.rand(2, *image_shape, generator=torch.Generator().manual_seed(0))
    images[1] /= 4  # a darker one, so that statistics over both images are not those of each
    together = network(images.clone())
    alone = [_answer_alone(network, image, kind) for image in images.split(1)]
    if alone[0].shape[1:] != together.shape[1:] or len(alone[0]) != 1:
        raise UsageError(
            f"Expected outputs (1, ...) for 1 image, got {tuple(alone[0].shape)} from {kind}. Give a network that "
            "takes any number of images and gives an entry for each."
        )
    if (torch.cat(alone) - together).abs().max() > LARGEST_DIFFERENCE * together.abs().max():
        raise UsageError(
            f"Expected outputs of an image that do not depend on the images beside it, got others from {kind}. Compute "
            "no mean or range over the images, as layers with dynamic quantization do, and give batch normalization "
            "running statistics."
        )


def _answer_alone(network: nn.Module, image: Tensor, kind: str) -> Tensor:
    try:
        return network(image.clone())
    except Exception as error:
        raise UsageError(
            f"Expected a network that takes any number of images, got {kind}, which does not take 1: "
            f"{reason_of(error)}. Give a network that does."
        ) from error
