"""The decoder against which the client is trained adversarially."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..benchmark.interfaces import ImageSet, SplitModel
from ..benchmark.training import fit_batches, frozen_encoder
from ..benchmark.utils.ir_layout import IrLayout

DECODER_CHANNELS = 64
GRID_REDUCTION = 4
"""A vector is first expanded to a grid that is coarser than the image by this factor, at least."""
MAX_DENSE_WEIGHTS = 2**25
"""Weights of the layer that expands it (128 MB); for more, the grid is coarser."""
DECODER_LEARNING_RATE = 3e-3
MAX_FIRST_IMAGES = 16_384
"""Most training images on which the decoder is trained before the client is."""


class Decoder(nn.Module):
    """A network that reconstructs images from IRs: convolutions on the grid of the IR, whose channels become pixels.

    The IR is normalized first, so a client does not gain from scaling it.
    """

    mean: Tensor

    def __init__(self, ir_shape: torch.Size, mean: Tensor) -> None:
        """Build the decoder for IRs of one shape. Its output begins at the mean image (C, H, W)."""
        super().__init__()
        self.register_buffer("mean", mean)
        channels, height, width = mean.shape
        self.ir = IrLayout.of(ir_shape, image=mean.shape)
        if self.ir.spatial:
            first, rows, columns = self.ir.maps
            self.expand = nn.Identity()
            self.norm: nn.Module = nn.BatchNorm2d(first, affine=False)
        else:
            size = ir_shape.numel()
            first, (rows, columns) = DECODER_CHANNELS, _coarse_grid(height, width, size * DECODER_CHANNELS)
            self.norm = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(size, affine=False))
            self.expand = nn.Sequential(
                nn.Linear(size, first * rows * columns), nn.Unflatten(1, (first, rows, columns))
            )
        block = max(math.ceil(height / rows), math.ceil(width / columns))
        self.body = nn.Sequential(
            nn.Conv2d(first, DECODER_CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(DECODER_CHANNELS, DECODER_CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(DECODER_CHANNELS, channels * block**2, 3, padding=1),
            nn.PixelShuffle(block),
        )

    def forward(self, ir: Tensor) -> Tensor:
        """Reconstruct images (N, C, H, W) from IRs (N, ...)."""
        residual = self.body(self.expand(self.norm(self.ir.to_maps(ir))))  # (N, C, block * h, block * w)
        if residual.shape[2:] != self.mean.shape[1:]:
            residual = functional.interpolate(residual, self.mean.shape[1:], mode="bilinear", align_corners=False)
        return self.mean + residual


def _coarse_grid(height: int, width: int, weights: int) -> tuple[int, int]:
    """Return rows and columns of the grid that a vector is expanded to, with ``weights`` for each of its cells."""
    reduction = GRID_REDUCTION
    while True:
        rows, columns = math.ceil(height / reduction), math.ceil(width / reduction)
        if rows * columns == 1 or weights * rows * columns <= MAX_DENSE_WEIGHTS:
            return rows, columns
        reduction *= 2


class Adversary:
    """A decoder that is trained by one step for each step of the client."""

    def __init__(self, model: SplitModel, train: ImageSet) -> None:
        """Train a decoder against the client in its current state."""
        images = train.images[:MAX_FIRST_IMAGES]
        encoded = frozen_encoder(lambda batch: model.client(model.input_channel(batch)), images, cache=True)
        ir = encoded(torch.arange(1, device=images.device))
        self.decoder = Decoder(ir.shape[1:], train.images.mean(0)).to(images.device)

        def loss(batch: Tensor) -> Tensor:
            return functional.mse_loss(self.decoder(encoded(batch)), images[batch])

        fit_batches(self.decoder.parameters(), loss, images=len(images), epochs=1, learning_rate=DECODER_LEARNING_RATE)
        self._optimizer = torch.optim.AdamW(self.decoder.parameters(), DECODER_LEARNING_RATE / 3)

    def step(self, images: Tensor, ir: Tensor) -> None:
        """Train the decoder by one step on a batch of images (B, C, H, W) and IRs (B, ...)."""
        self.decoder.requires_grad_(True)
        self._optimizer.zero_grad(set_to_none=True)
        functional.mse_loss(self.decoder(ir.detach()), images).backward()
        self._optimizer.step()
        self.decoder.requires_grad_(False)

    def success(self, images: Tensor, ir: Tensor) -> Tensor:
        """Return the share of the variance of the images that the decoder explains, a differentiable scalar.

        It is 1 for exact reconstructions, and 0 for the mean image or anything worse.

        Args:
            images: A batch of images (B, C, H, W).
            ir: Their IRs (B, ...).
        """
        error = functional.mse_loss(self.decoder(ir), images)
        error_of_mean = functional.mse_loss(self.decoder.mean.expand_as(images), images)
        return (1 - error / error_of_mean.clamp(min=1e-9)).clamp(min=0)

    def information(self, images: Tensor, ir: Tensor) -> Tensor:
        """Return CLUB's estimate of the mutual information of images and IRs, in units of their variance, at least 0.

        It is half the mean squared distance of reconstructions to other images of the batch minus that to their own.

        Args:
            images: A batch of images (B, C, H, W).
            ir: Their IRs (B, ...).
        """
        guess = self.decoder(ir)
        gap = functional.mse_loss(guess, images.roll(1, 0)) - functional.mse_loss(guess, images)
        variance = functional.mse_loss(self.decoder.mean.expand_as(images), images)
        return (0.5 * gap / variance.clamp(min=1e-9)).clamp(min=0)
