"""A small network that denoises images, as a prior."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...benchmark.training import fit
from .._limits import MAX_WIRE_NUMBERS
from .trained_once import trained_once

CHANNELS = 48
"""Channels at half of the resolution of the images; there are twice as many at a quarter of it."""
STEPS = 2000
"""Batches of the training."""
BATCH_SIZE = 64
"""Crops in a batch."""
CROP_PIXELS = 32
"""Height and width of the crops, at most."""
LEARNING_RATE = 2e-3
"""Peak of the one-cycle rate."""
LOWEST_SIGMA, HIGHEST_SIGMA = 0.01, 1.0
"""Standard deviations of the noise in the training, log-uniform."""
LEAST_DEVIATION = 0.05
"""Standard deviation of the pixels that is assumed, at least."""
MARGIN = 4
"""Height and width of an image are extended to multiples of this."""


class DenoisingNetwork(nn.Module):
    """Estimate images from images with Gaussian noise of a known standard deviation.

    A U-Net at half and at a quarter of the resolution. Its inputs and outputs are scaled so that both have variance 1
    at every noise level.

    Source: Karras, Aittala, Aila, Laine, NeurIPS 2022, "Elucidating the design space of diffusion-based generative
    models" (scaling); Zhang, Zuo, Zhang 2018, "FFDNet" (half resolution, noise level as a channel).
    """

    center: Tensor
    deviation: Tensor

    def __init__(self, channels: int, width: int = CHANNELS) -> None:
        """Build the network for images with ``channels``."""
        super().__init__()
        self.register_buffer("center", torch.tensor(0.5))
        self.register_buffer("deviation", torch.tensor(0.3))
        self.first = nn.Conv2d(4 * channels + 1, width, 3, padding=1)
        self.fine = nn.Sequential(ResidualBlock(width))
        self.down = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.coarse = nn.Sequential(ResidualBlock(2 * width), ResidualBlock(2 * width))
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.after = nn.Sequential(ResidualBlock(width))
        self.last = nn.Conv2d(width, 4 * channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)

    def measure(self, images: Tensor) -> None:
        """Take the mean and the standard deviation of the pixels of images (K, C, H, W)."""
        self.center.fill_(images.mean())
        self.deviation.fill_(max(images.std().item(), LEAST_DEVIATION))

    def forward(self, images: Tensor, sigma: Tensor) -> Tensor:
        """Denoise images (N, C, H, W) with noise of standard deviations ``sigma`` (N,)."""
        level = sigma.view(-1, 1, 1, 1)
        variance = level.square() + self.deviation.square()
        away, height, width = images - self.center, *images.shape[2:]
        bottom, right = -height % MARGIN, -width % MARGIN
        padded = functional.pad(away * variance.rsqrt(), (0, right, 0, bottom), mode="replicate")
        half = functional.pixel_unshuffle(padded, 2)
        noise = (level.log() / 4).expand(-1, 1, *half.shape[2:])
        fine = self.fine(self.first(torch.cat([half, noise], 1)))
        joined = fine + self.up(self.coarse(self.down(fine)))
        found = functional.pixel_shuffle(self.last(self.after(joined)), 2)[:, :, :height, :width]
        return (
            self.center + away * self.deviation.square() / variance + found * level * self.deviation * variance.rsqrt()
        )

    def error(self, images: Tensor, truth: Tensor, sigma: Tensor) -> Tensor:
        """Compute the squared error of what the layers estimate, in units of its variance."""
        level = sigma.view(-1, 1, 1, 1)
        weight = 1 / level.square() + 1 / self.deviation.square()
        return (weight * (self(images, sigma) - truth).square()).mean()


class ResidualBlock(nn.Module):
    """Add two convolutions of the input to it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.SiLU(), nn.Conv2d(width, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, width, h, w)."""
        return maps + self.layers(maps)


@dataclass(frozen=True)
class NetworkDenoiser:
    """Denoise by a trained network."""

    network: DenoisingNetwork

    @torch.no_grad()
    def denoise(self, images: Tensor, sigma: float) -> Tensor:
        """Remove noise of standard deviation ``sigma`` from images (N, C, H, W)."""
        level = min(max(sigma, LOWEST_SIGMA), HIGHEST_SIGMA)
        chunk = max(1, MAX_WIRE_NUMBERS // (CHANNELS * images[0, 0].numel()))
        return torch.cat([self.network(some, some.new_full((len(some),), level)) for some in images.split(chunk)])


def learned_denoiser(images: Tensor, *, steps: int) -> NetworkDenoiser:
    """Return the denoiser for the attacker's images (K, C, H, W), trained for some steps once and kept on disk."""
    recipe = {"name": "denoising_network", "version": 1, "channels": CHANNELS, "steps": steps, "crop": CROP_PIXELS}

    def train(some: Tensor) -> dict[str, Tensor]:
        network = DenoisingNetwork(some.shape[1])
        train_denoiser(network, some, steps=steps)
        return network.state_dict()

    network = DenoisingNetwork(images.shape[1])
    network.load_state_dict(trained_once(recipe, images, train))
    return NetworkDenoiser(network.to(images.device).eval().requires_grad_(False))


def train_denoiser(network: DenoisingNetwork, images: Tensor, *, steps: int) -> None:
    """Train a network in place on crops of images (K, C, H, W) with fresh noise of random levels."""
    network.measure(images[:1000])
    network.to(images.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    low, high = math.log(LOWEST_SIGMA), math.log(HIGHEST_SIGMA)

    def loss(batch: Tensor) -> Tensor:
        clean = cropped(images[batch])
        sigma = (low + (high - low) * torch.rand(len(clean)).to(clean.device)).exp()  # the same on all devices
        noisy = clean + sigma.view(-1, 1, 1, 1) * torch.randn(clean.shape).to(clean.device)
        return network.error(noisy, clean, sigma)

    size = min(BATCH_SIZE, len(images))
    with torch.enable_grad():
        fit(
            network.parameters(),
            loss,
            count=len(images),
            epochs=1,
            batch_size=size,
            learning_rate=LEARNING_RATE,
            least=steps,
        )


def cropped(images: Tensor) -> Tensor:
    """Cut a random square of at most ``CROP_PIXELS`` pixels out of each image (N, C, H, W)."""
    height, width = (min(CROP_PIXELS, length) for length in images.shape[2:])
    tops, lefts = (
        torch.randint(length - side + 1, (len(images),)).tolist()
        for length, side in zip(images.shape[2:], (height, width), strict=True)
    )
    parts = [
        image[:, top : top + height, left : left + width] for image, top, left in zip(images, tops, lefts, strict=True)
    ]
    return torch.stack(parts)
