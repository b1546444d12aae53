"""Count the costs of each cut of a network from its structure alone, without training it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from ..interfaces.split_model import Target
from ..interfaces.stages import cut_name
from ..metrics.activations import Activations, count_activations
from ..metrics.held_weights import Identity, held_weights
from ..metrics.macs import count_macs_by_type
from ..utils.fingerprints import WHITE, are_bytes


class Stage(NamedTuple):
    """A part of a network.

    Attributes:
        macs: Multiply-accumulate operations.
        weight_bytes: Bytes of its weights.
        by_type: The operations by the type of layer, as far as it is known.
        operations: Operations of any kind that compute something, such as a convolution or an activation function.
        moved_bytes: Bytes of activations that these read and write.

    Example:
        >>> Stage(100, 40).by_type
        ()
    """

    macs: int
    weight_bytes: int
    by_type: tuple[tuple[str, int], ...] = ()
    operations: int = 0
    moved_bytes: int = 0


Total = tuple[int, int]
"""Multiply-accumulate operations, and bytes of weights."""
JPEG_QUALITY = 90
COLORS = 3
"""Channels of a color image."""


@dataclass(frozen=True)
class Cut:
    """The costs of one image if a network is cut at one place.

    Attributes:
        split: The name of the cut.
        ir_shape: The shape of the IR of one image.
        client_params: Weights on the device, as ``held_weights`` defines them.
        client_param_bytes: Bytes of these weights.
        client_peak_bytes: Largest sum of bytes of activations that are alive at a time on the device.
        client_stages: Operations and bytes of weights of each stage on the device. Weights that several stages use
            count in each of them, since each reads them.
        server_stages: Those of each stage on the server.
        server_param_bytes: Bytes of the parameters on the server, each once.
        ir_type: The type of the numbers of the IR.

    Example:
        >>> Cut("conv1", (8, 28, 28), 208, 832, 31360, (Stage(156800, 832),), (), 0).client_total
        (156800, 832)
    """

    split: str
    ir_shape: tuple[int, ...]
    client_params: int
    client_param_bytes: int
    client_peak_bytes: int
    client_stages: tuple[Stage, ...]
    server_stages: tuple[Stage, ...]
    server_param_bytes: int
    ir_type: torch.dtype = torch.float32

    @property
    def client_macs(self) -> int:
        """Multiply-accumulate operations on the device."""
        return sum(stage.macs for stage in self.client_stages)

    @property
    def client_total(self) -> Total:
        """Operations on the device, and bytes of its weights, each once."""
        return self.client_macs, self.client_param_bytes

    @property
    def server_total(self) -> Total:
        """Operations on the server, and bytes of its weights, each once."""
        return sum(stage.macs for stage in self.server_stages), self.server_param_bytes

    @property
    def ir_numbers(self) -> int:
        """Numbers of the IR of one image. A complex one is two."""
        return torch.Size(self.ir_shape).numel() * (2 if self.ir_type.is_complex else 1)

    @property
    def ir_bytes(self) -> int:
        """Bytes of the IR of one image, in the type in which the network computes it."""
        return torch.Size(self.ir_shape).numel() * self.ir_type.itemsize


def count_cuts(target: Target, image_shape: tuple[int, int, int]) -> list[Cut]:
    """Count the costs of all cuts of a network, in its order.

    Args:
        target: The network, in evaluation mode.
        image_shape: The shape of an image, (C, H, W).

    Example:
        >>> from collections import OrderedDict
        >>> from torch import nn
        >>> from mia_bench.benchmark.interfaces import Normalize
        >>> layers = nn.Sequential(OrderedDict(flat=nn.Flatten(), out=nn.Linear(64, 10)))
        >>> target = Target(Normalize(torch.zeros(1), torch.ones(1)), layers)
        >>> [(cut.split, cut.client_macs) for cut in count_cuts(target, (1, 8, 8))]
        [('flat', 0), ('out', 640)]
    """
    device = next((each.device for each in (*target.parameters(), *target.buffers())), torch.device("cpu"))
    value, counted = torch.zeros(1, *image_shape, device=device), []
    for name, layer in (("", target.normalize), *target.layers.named_children()):
        given: list[Tensor] = []
        macs = count_macs_by_type(lambda images, layer=layer, given=given: given.append(layer(images)), value)
        activations = count_activations(layer, value)
        (value,) = given
        counted.append((cut_name(name), value[0].to("meta"), macs, held_weights(layer), activations))
    stages = [_stage(macs, own, activations) for _, _, macs, own, activations in counted]
    held = [own for *_, own, _ in counted]
    found, peak = [], 0
    for place, (name, ir, _, _, activations) in enumerate(counted, 1):
        here, there = _joined(held[:place]), _joined(held[place:])
        peak = max(peak, activations.peak_bytes)
        cut = Cut(
            split=name,
            ir_shape=tuple(ir.shape),
            client_params=sum(each.numel() for each in here),
            client_param_bytes=_bytes(here),
            client_peak_bytes=peak,
            client_stages=tuple(stages[:place]),
            server_stages=tuple(stages[place:]),
            server_param_bytes=_bytes(there),
            ir_type=ir.dtype,
        )
        found.append(cut)
    return found[1:]


def _joined(parts: Iterable[Mapping[Identity, Tensor]]) -> list[Tensor]:
    """Return the weights of several layers, each once."""
    return [*{identity: weight for part in parts for identity, weight in part.items()}.values()]


def _stage(macs: Mapping[str, int], weights: Mapping[Identity, Tensor], activations: Activations) -> Stage:
    size, by_type = _bytes(weights.values()), tuple(sorted(macs.items()))
    return Stage(sum(macs.values()), size, by_type, activations.operations, activations.moved_bytes)


def _bytes(weights: Iterable[Tensor]) -> int:
    return sum(each.numel() * each.element_size() for each in weights)


def uploaded_bytes(images: Tensor) -> dict[str, float]:
    """Return the mean bytes of images (N, C, H, W) in [0, 1] by how they are sent to the cloud.

    Images that are 8-bit values are sent as files, ``PNG`` or ``JPEG``. Files would round others, such as tokens, which
    may change the answer entirely, so these are sent as they are, ``float32``.

    Example:
        >>> uploaded_bytes(torch.full((1, 1, 8, 8), 0.123))
        {'float32': 256.0}
    """
    if not are_bytes(images):
        return {"float32": float(images[0].nbytes)}
    return {kind: encoded_bytes(images, kind) for kind in ("PNG", "JPEG")}


def encoded_bytes(images: Tensor, kind: str) -> float:
    """Return the mean bytes of images (N, C, H, W) in [0, 1] as files of a kind, ``PNG`` or ``JPEG`` (quality 90).

    Gray and color images are one file each. Images of other numbers of channels are one gray file for each channel.

    Example:
        >>> encoded_bytes(torch.zeros(1, 1, 8, 8), "PNG") > 60
        True
    """
    sizes = []
    for image in (WHITE * images).round().to(torch.uint8).cpu():
        files = [image.permute(1, 2, 0)] if len(image) == COLORS else list(image)
        sizes.append(sum(_file_bytes(pixels, kind) for pixels in files))
    return sum(sizes) / len(sizes)


def _file_bytes(pixels: Tensor, kind: str) -> int:
    target = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(target, kind, quality=JPEG_QUALITY)
    return target.tell()
