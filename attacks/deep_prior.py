"""Inversion with an untrained network as the prior."""

from __future__ import annotations

import copy
from typing import ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ..benchmark.interfaces import Access, Attack, Observation
from ._decoders.folds import divide_once
from ._inversion.rmle import ir_shape, wire_as_ir
from ._shrinkage import Judged, shrink_to_mean, shrinkage_factor
from ._units import least_unit

LEARNING_RATE = 1e-2
"""The rate of the paper."""
NUM_JUDGES = 4
"""The attacker's own images on which the result is judged."""
NUM_LEVELS = 2
"""Halvings of the resolution; the paper has five, for images ten times as large."""


class DeepPrior(Attack):
    """Fit the weights of an untrained hourglass network so that the IR of its output explains the wire.

    The structure of the network is the only prior. The attacker's images only decide how far to trust the result. Each
    image has its own network, and all start with the same random weights and input. The networks of a batch run as one
    by grouped convolutions. The attack differs from the paper in the size of the network and the number of steps.

    Example:
        ``mia-bench run --attack deep_prior --iterations 200``

    Source: Ulyanov, Vedaldi, Lempitsky, CVPR 2018, "Deep image prior".
    """

    version: ClassVar[int] = 3
    access: ClassVar[Access] = Access.WHITE_BOX
    standard: ClassVar[bool] = False

    iterations: int = Field(400, ge=1, description="optimization steps")
    hourglass: int = Field(16, ge=1, description="channels of the generator")

    def reconstruct(self, seen: Observation) -> Tensor:
        """Fit a generator to each entry of the wire and return the images (N, C, H, W)."""
        assert seen.client is not None
        assert seen.query is not None
        client = copy.deepcopy(seen.client).requires_grad_(False).eval()
        private, mean = wire_as_ir(seen), seen.aux.images.mean(0)
        fold = divide_once(len(seen.aux), seen.aux.sources)
        own = seen.aux.images[torch.cat([fold.judge, fold.tune])[:NUM_JUDGES].to(private.device)]
        ir_shape(client, mean, private, channel=seen.channel)
        wire = torch.cat([private, seen.channel.read(seen.query(own)).to(private.device)])
        with torch.no_grad():
            gray = client(torch.full((1, *seen.image_shape), 0.5, device=wire.device))
            unit = seen.channel.distance(gray.expand(len(wire), *gray.shape[1:]), wire).maximum(least_unit(wire, 1e-9))
        generator = Hourglass(len(wire), seen.image_shape, self.hourglass).to(wire.device)
        optimizer = torch.optim.Adam(generator.parameters(), LEARNING_RATE)
        with torch.enable_grad():
            for _ in range(self.iterations):
                optimizer.zero_grad(set_to_none=True)
                # Adam ignores the scale of a gradient, so the sum trains each network as if it were the only one
                (seen.channel.distance(client(generator()), wire) / unit).sum().backward()
                optimizer.step()
        images, others = generator().detach(), seen.aux.images[fold.fit.to(private.device)].mean(0)
        return shrink_to_mean(
            images[: len(private)], mean, shrinkage_factor(Judged(images[len(private) :], own, others))
        )


class Hourglass(nn.Module):
    """Run N hourglass networks as one, from a fixed input to a quarter of its resolution and back.

    Example:
        >>> Hourglass(2, (3, 16, 16), width=8)().shape
        torch.Size([2, 3, 16, 16])
    """

    def __init__(self, count: int, image: tuple[int, int, int], width: int) -> None:
        """Build ``count`` equal networks for images (C, H, W)."""
        super().__init__()
        self.count, self.image = count, image
        side = 2**NUM_LEVELS
        rows, columns = (-(-length // side) * side for length in image[1:])
        self.register_buffer("input", torch.rand(1, width, rows, columns) * 0.1)  # uniform up to 0.1, as in the paper
        self.down = nn.ModuleList(_Group(count, width, width, stride=2) for _ in range(NUM_LEVELS))
        self.skip = nn.ModuleList(_Group(count, width, 4, side=1) for _ in range(NUM_LEVELS))
        self.up = nn.ModuleList(_Group(count, width + 4, width) for _ in range(NUM_LEVELS))
        self.last = _Group(count, width, image[0], side=1)

    def forward(self) -> Tensor:
        """Generate images (N, C, H, W) in [0, 1]."""
        start = cast(Tensor, self.input)
        maps = start.expand(self.count, -1, -1, -1)
        levels = []
        for down in self.down:
            levels.append(maps)
            maps = functional.leaky_relu(_normal(down(maps)), 0.2)
        for skip, up in zip(reversed(self.skip), self.up, strict=True):
            skipped = functional.leaky_relu(_normal(skip(levels.pop())), 0.2)
            wide = functional.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
            maps = functional.leaky_relu(_normal(up(torch.cat([wide, skipped], 1))), 0.2)
        return self.last(maps)[:, :, : self.image[1], : self.image[2]].sigmoid()


class _Group(nn.Module):
    """Apply N convolutions to N inputs, one each; their weights are the same at the start."""

    def __init__(self, count: int, inputs: int, outputs: int, *, side: int = 3, stride: int = 1) -> None:
        super().__init__()
        one = nn.Conv2d(inputs, outputs, side)
        assert one.bias is not None
        self.count, self.stride, self.padding = count, stride, side // 2
        self.weight = nn.Parameter(one.weight.detach().repeat(count, 1, 1, 1))  # (N * outputs, inputs, side, side)
        self.bias = nn.Parameter(one.bias.detach().repeat(count))

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve (N, inputs, H, W)."""
        joined = maps.reshape(1, -1, *maps.shape[2:])
        out = functional.conv2d(
            joined, self.weight, self.bias, stride=self.stride, padding=self.padding, groups=self.count
        )
        return out.view(self.count, -1, *out.shape[2:])


def _normal(maps: Tensor) -> Tensor:
    """Bring each channel of each image to mean 0 and variance 1."""
    return functional.instance_norm(maps)
