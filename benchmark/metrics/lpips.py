"""Learned perceptual image patch similarity (LPIPS), with a backbone that is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from .image_quality import check_shapes

MEAN, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Normalization of images in [-1, 1], by channel, as in version 0.1 of the package ``lpips``."""
TAPS = (1, 4, 7, 9, 11)
"""The layers of ``torchvision.models.alexnet().features`` after which features are compared: its ReLUs."""
SMALLEST = 31
"""The smallest height and width in pixels, for which a pixel of each feature map remains."""
LPIPS_BATCH_IMAGES = 32
"""Images that are compared at once, so that large images fit into memory."""


class Lpips(nn.Module):
    """Compare images by the features of AlexNet, each channel weighted as people judged distances.

    Source: Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018, "The unreasonable effectiveness of deep features as a
    perceptual metric", version 0.1 of its linear weights.

    Example:
        >>> from torchvision.models import alexnet
        >>> distance = Lpips(alexnet().features, [torch.ones(size) for size in (64, 192, 384, 256, 256)])
        >>> distance(torch.zeros(2, 3, 32, 32), torch.zeros(2, 3, 32, 32))
        tensor([0., 0.])
    """

    def __init__(self, features: nn.Sequential, weights: Sequence[Tensor]) -> None:
        """Use the layers ``features`` of AlexNet, and for each of the five feature maps the weights of its channels.

        Args:
            features: The convolutional layers.
            weights: One weight for each channel of a feature map, (channels,), by feature map.
        """
        super().__init__()
        self.features = features[: TAPS[-1] + 1].eval().requires_grad_(False)
        self.weights = [each.reshape(1, -1, 1, 1) for each in weights]

    @torch.no_grad()
    def forward(self, reconstructed: Tensor, original: Tensor) -> Tensor:
        """Compute the distance of each pair of images; 0 for equal ones.

        Args:
            reconstructed: Reconstructions (N, 1 or 3, H, W), H and W at least 31. Values are clamped to [0, 1].
            original: Originals (N, 1 or 3, H, W).

        Returns:
            The distances, (N,), float32.

        Raises:
            ValueError: If the shapes differ.
        """
        check_shapes(reconstructed, original)
        pairs = zip(reconstructed.split(LPIPS_BATCH_IMAGES), original.split(LPIPS_BATCH_IMAGES), strict=True)
        return torch.cat([self._of_batch(a, b) for a, b in pairs])

    def _of_batch(self, a: Tensor, b: Tensor) -> Tensor:
        maps = zip(self._maps(a), self._maps(b), self.weights, strict=True)
        return torch.stack([((x - y).square() * weight).sum(1).mean((1, 2)) for x, y, weight in maps]).sum(0)

    def _maps(self, images: Tensor) -> Iterator[Tensor]:
        """Yield each feature map, (N, channels, h, w), normalized to length 1 at each place."""
        mean, scale = (torch.tensor(each).reshape(1, 3, 1, 1) for each in (MEAN, SCALE))
        value = (2 * images.clamp(0, 1).float() - 1 - mean) / scale
        for index, layer in enumerate(self.features):
            value = layer(value)
            if index in TAPS:
                yield value / (value.square().sum(1, keepdim=True).sqrt() + 1e-10)
