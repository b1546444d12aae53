"""Lossy compression of the IR by JPEG."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel, Wire
from ..benchmark.training import EPOCHS_HELP, tune_server
from ..benchmark.utils.cosines import cosines
from ..benchmark.utils.ir_layout import IrLayout
from ._jpeg import BLOCK, LEAST_EXACT_STEP, read_jpeg, steps_of, write_jpeg
from ._mosaic import Mosaic, blocks

RANGE_BYTES = 8
"""Bytes of the smallest and the largest number of an IR, two float32, before its JPEG file."""


@dataclass(frozen=True)
class Coder:
    """Writes the IR of each image as a gray JPEG, after the smallest and the largest of its numbers.

    Attributes:
        mosaic: How the numbers of an IR become a gray image.
        quality: Quality of the JPEG, 1 to 100.
        device: Device of the decoded values.

    Example: See ``Codec``, which makes one for the IR of its split.
    """

    mosaic: Mosaic
    quality: int
    device: torch.device

    def encode(self, values: Tensor) -> tuple[bytes, ...]:
        """Code values (N, ...) in N byte strings."""
        return tuple(map(self._write, self.mosaic.lay(values.detach()).cpu()))

    def __call__(self, messages: tuple[bytes, ...]) -> Tensor:
        """Decode N byte strings to values (N, ...)."""
        return self.mosaic.take(torch.stack([self._read(each) for each in messages])).to(self.device)

    def table(self) -> Tensor:
        """Return the steps (8, 8) by which coefficients of the cosine transform are rounded, in shades of gray."""
        return steps_of(self._write(torch.zeros(8, 8))[RANGE_BYTES:])

    def _write(self, gray: Tensor) -> bytes:
        low, high = gray.min().item(), gray.max().item()
        shades = ((gray - low) * (255 / max(high - low, 1e-12))).round().clamp(0, 255).to(torch.uint8)
        return struct.pack("<2f", low, high) + write_jpeg(shades, self.quality)

    def _read(self, message: bytes) -> Tensor:
        low, high = struct.unpack("<2f", message[:RANGE_BYTES])
        return low + read_jpeg(message[RANGE_BYTES:]) * ((high - low) / 255)


class _JpegChannel(Channel):
    """Write and read a JPEG of each IR. The gradient is that of the identity (straight-through estimator)."""

    steps: Tensor
    transform: Tensor

    def __init__(self, coder: Coder) -> None:
        super().__init__()
        self.coder = coder
        self.register_buffer("steps", coder.table())
        self.register_buffer("transform", cosines(BLOCK, like=self.steps))

    def forward(self, value: Tensor) -> Tensor:
        """Return what is read of the values (N, ...)."""
        coder = replace(self.coder, device=value.device)
        return coder(coder.encode(value)) + (value - value.detach())

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return the squared distance of the values to those that are rounded to what was sent, (N,).

        Coefficients of the cosine transform that differ by less than half a step, and one shade for the rounding of
        pixels, fit equally well. Blocks at the edge of a mosaic whose sides are not multiples of 8 are padded, so
        there the true IR does not fit exactly.
        """
        gray = self.coder.mosaic.lay(sent)
        shade = self._shade(gray)
        error = self._coefficients(self.coder.mosaic.lay(value) - gray) / shade
        tolerance = self.steps / 2 + torch.where(self.steps < LEAST_EXACT_STEP, 2, 1)
        outside = (error.abs() - tolerance).clamp(min=0) * shade
        return outside.square().flatten(1).sum(1)

    def _coefficients(self, gray: Tensor) -> Tensor:
        return self.transform @ blocks(gray) @ self.transform.T  # (N, B, 8, 8)

    def _shade(self, gray: Tensor) -> Tensor:
        """Return the difference of two neighboring shades of mosaics (N, rows, columns), (N, 1, 1, 1).

        Coefficients are whole numbers of steps, and the least of these is nearly always one step. Mosaics of one shade
        do not tell; then the range of what was read is taken for that of the IR.
        """
        rows, columns = (size - size % BLOCK for size in gray.shape[1:])
        range_read = (gray.amax((1, 2)) - gray.amin((1, 2))).clamp(min=1e-12) / 255
        exact = self.steps >= LEAST_EXACT_STEP
        if not (rows and columns and exact.any()):
            return range_read.view(-1, 1, 1, 1)
        multiples = self._coefficients(gray[:, :rows, :columns]) / self.steps
        means = multiples[..., 0, 0].sort(1).values.diff(dim=1)  # each also holds the smallest number of the IR
        multiples[..., 0, 0] = functional.pad(means, (1, 0))
        sizes = multiples[..., exact].abs().flatten(1)
        least = sizes.masked_fill(sizes < range_read[:, None] / 8, torch.inf).amin(1)
        return torch.where(least.isfinite(), least, range_read).view(-1, 1, 1, 1)


@dataclass(frozen=True, kw_only=True)
class CodedModel(SplitModel):
    """A split model whose device sends byte strings of a codec.

    Attributes:
        coder: Writes and reads them.

    Example: See ``Codec``, which returns one.
    """

    coder: Coder

    def send(self, images: Tensor) -> Wire:
        """Run the client on images (N, C, H, W) and code each IR."""
        with torch.no_grad():
            value = self.client(self.input_channel(images))
        return Wire(self.coder.encode(value), replace(self.coder, device=value.device))


class Codec(Defense):
    """Send the IR as a gray JPEG of its maps, and fine-tune the server to what is lost.

    The maps of the IR are laid side by side, stretched to 256 shades between the smallest and the largest number of
    the IR, and written as a JPEG. Bytes are those that are sent, so they differ between images. Compression is what
    split computing does anyway; here its leak is measured. It is deterministic and guarantees nothing: attackers learn
    from what it keeps. A network that learns what to send in few numbers is ``fc_before_send:width=``. Recommended
    sweep of the quality: 1, 5, 10, 30, 90.

    Example: ``mia-bench run --defense codec --quality 1,5,10,30,90``

    Source: JPEG of the features, the baseline of Matsubara, Yang, Levorato, Mandt, TMLR 2023, "SC2 Benchmark:
    supervised compression for split computing".
    """

    version: ClassVar[int] = 3
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"quality": -1}
    guarantee: ClassVar[str] = "none"

    quality: int = Field(10, ge=1, le=100, description="quality of the JPEG; smaller files lose more")
    tuning_epochs: int = Field(1, ge=0, description=f"{EPOCHS_HELP}; 0 does not fine-tune")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model that codes its IRs, with the server fine-tuned.

        Raises:
            Inapplicable: If the server is to be fine-tuned and has no weights.
        """
        protected = model.copy()
        with torch.no_grad():
            shape = protected.client(protected.input_channel(train.images[:1])).shape[1:]
        layout = IrLayout.of(shape, image=train.images.shape[1:])
        coder = Coder(Mosaic(layout), self.quality, torch.device("cpu"))
        protected = CodedModel(
            client=protected.client,
            server=protected.server,
            input_channel=protected.input_channel,
            ir_channel=_JpegChannel(coder).to(train.images.device),
            coder=coder,
        )
        if self.tuning_epochs:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected
