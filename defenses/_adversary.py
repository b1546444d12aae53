"""The decoder that a client is trained against."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..benchmark.interfaces import ImageSet, SplitModel
from ..benchmark.training import fit
from ._fine_tuning import BATCH, PASS, frozen

CHANNELS = 64
REDUCTION = 4
"""A vector is first expanded to a grid coarser than the image by this factor."""
DECODER_RATE = 3e-3
FIRST_IMAGES = 16_384
"""Training images on which the decoder learns before the client begins to resist."""


class Decoder(nn.Module):
    """Rebuilds images from IRs: convolutions on the IR's grid, whose channels become blocks of pixels.

    The IR is normalized first, so a client gains nothing by scaling it.
    """

    mean: Tensor

    def __init__(self, ir_shape: torch.Size, mean: Tensor) -> None:
        """Take the shape of one IR and the mean image (C, H, W), from which the decoder starts."""
        super().__init__()
        self.register_buffer("mean", mean)
        channels, height, width = mean.shape
        if len(ir_shape) == 3:
            first, rows, columns = ir_shape
            self.expand = nn.Identity()
            self.norm: nn.Module = nn.BatchNorm2d(first, affine=False)
        else:
            first, rows, columns = CHANNELS, math.ceil(height / REDUCTION), math.ceil(width / REDUCTION)
            size = ir_shape.numel()
            self.norm = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(size, affine=False))
            self.expand = nn.Sequential(
                nn.Linear(size, first * rows * columns), nn.Unflatten(1, (first, rows, columns))
            )
        block = max(math.ceil(height / rows), math.ceil(width / columns))
        self.body = nn.Sequential(
            nn.Conv2d(first, CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, channels * block**2, 3, padding=1),
            nn.PixelShuffle(block),
        )

    def forward(self, ir: Tensor) -> Tensor:
        """Rebuild images (N, C, H, W) from IRs (N, ...)."""
        away = self.body(self.expand(self.norm(ir)))  # (N, C, block * h, block * w)
        if away.shape[2:] != self.mean.shape[1:]:
            away = functional.interpolate(away, self.mean.shape[1:], mode="bilinear", align_corners=False)
        return self.mean + away


class Adversary:
    """A decoder that is trained a step further whenever the client is."""

    def __init__(self, model: SplitModel, train: ImageSet) -> None:
        """Train a decoder of the client as it is."""
        images = train.images[:FIRST_IMAGES]
        encoded = frozen(lambda batch: model.client(model.input_channel(batch)), images, cache=True)
        ir = encoded(torch.arange(1, device=images.device))
        self.decoder = Decoder(ir.shape[1:], train.images.mean(0)).to(images.device)

        def loss(batch: Tensor) -> Tensor:
            return functional.mse_loss(self.decoder(encoded(batch)), images[batch])

        fit(
            self.decoder.parameters(),
            loss,
            count=len(images),
            epochs=1,
            batch_size=BATCH,
            learning_rate=DECODER_RATE,
            least=PASS,
        )
        self._stepper = torch.optim.AdamW(self.decoder.parameters(), DECODER_RATE / 3)

    def step(self, images: Tensor, ir: Tensor) -> None:
        """Train the decoder on one batch of images (B, C, H, W) and IRs (B, ...)."""
        self.decoder.requires_grad_(True)
        self._stepper.zero_grad(set_to_none=True)
        functional.mse_loss(self.decoder(ir.detach()), images).backward()
        self._stepper.step()
        self.decoder.requires_grad_(False)

    def success(self, images: Tensor, ir: Tensor) -> Tensor:
        """The share of the images' variance that it explains: 1 for exact images, 0 for the mean image or worse."""
        error = functional.mse_loss(self.decoder(ir), images)
        blind = functional.mse_loss(self.decoder.mean.expand_as(images), images)
        return (1 - error / blind.clamp(min=1e-9)).clamp(min=0)
