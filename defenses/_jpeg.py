"""Gray JPEG files, read without the cut to 256 shades, which would hide coefficients from an attacker."""

from __future__ import annotations

import io
import struct
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..benchmark.utils.cosines import cosines

BLOCK = 8
"""Rows and columns of the blocks whose cosine transforms are rounded."""
LEAST_EXACT_STEP = 5
"""Steps from which on ``read_jpeg`` finds coefficients exactly. Others are off by about half a shade."""
_MIDDLE = 128
_TABLE = b"\xff\xdb\x00\x43\x00"
"""Begin of the table of steps, 64 bytes, in the file of a gray image."""
_FRAME = b"\xff\xc0\x00\x0b\x08"
"""Begin of the size of the image, rows and columns of two bytes each, behind the table."""


def write_jpeg(shades: Tensor, quality: int) -> bytes:
    """Return a JPEG file of a gray image (rows, columns) uint8, of a quality of 1 to 100.

    Example:
        >>> write_jpeg(torch.zeros(8, 8, dtype=torch.uint8), 50)[:2].hex()
        'ffd8'
    """
    file = io.BytesIO()
    Image.fromarray(shades.numpy()).save(file, "jpeg", quality=quality, optimize=True)
    return file.getvalue()


def steps_of(file: bytes) -> Tensor:
    """Return the steps (8, 8) by which the coefficients of a file are rounded, in shades. Rows are frequencies.

    Example:
        >>> steps_of(write_jpeg(torch.zeros(8, 8, dtype=torch.uint8), 50))[0, :3]
        tensor([16., 11., 10.])
    """
    with Image.open(io.BytesIO(file)) as image:
        steps = cast(dict[int, list[int]], image.quantization)[0]  # pyright: ignore[reportAttributeAccessIssue]
    return torch.tensor(steps, dtype=torch.float32).view(BLOCK, BLOCK)


def read_jpeg(file: bytes) -> Tensor:
    """Return the shades (rows, columns) float32 that a file of ``write_jpeg`` codes, which may leave [0, 255].

    Decoders cut shades to that range. So the file is decoded with half its steps and in whole blocks, where nothing is
    cut, which tells the coefficients; these are multiplied by the true steps. Files with steps of 1, which have no
    half and whose shades hardly leave the range, are decoded as they are.

    Example:
        >>> sharp = torch.zeros(8, 8, dtype=torch.uint8)
        >>> sharp[:, 4:] = 255
        >>> bool(read_jpeg(write_jpeg(sharp, 5)).min() < -10)
        True
    """
    begin = file.index(_TABLE) + len(_TABLE)
    frame = file.index(_FRAME) + len(_FRAME)
    rows, columns = struct.unpack(">2H", file[frame : frame + 4])
    whole = struct.pack(">2H", rows + -rows % BLOCK, columns + -columns % BLOCK)
    table = file[begin : begin + BLOCK**2]
    share = 1 if min(table) == 1 else 2
    smaller = bytes(-(-step // share) for step in table)
    changed = file[:begin] + smaller + file[begin + BLOCK**2 : frame] + whole + file[frame + 4 :]
    with Image.open(io.BytesIO(changed)) as image:
        flat = np.array(image, dtype=np.float32) - _MIDDLE
    # in numpy, since a decoder's operations are not those of a network, which are counted
    steps, transform = steps_of(file).numpy(), cosines(BLOCK, like=torch.empty(0)).numpy()
    cells = flat.reshape(flat.shape[0] // BLOCK, BLOCK, -1, BLOCK).swapaxes(1, 2)
    multiples = transform @ cells @ transform.T / np.ceil(steps / share)
    multiples = np.where(steps < LEAST_EXACT_STEP, multiples, multiples.round())
    shades = transform.T @ (multiples * steps) @ transform + _MIDDLE
    return torch.from_numpy(shades.swapaxes(1, 2).reshape(flat.shape)[:rows, :columns].astype(np.float32))
