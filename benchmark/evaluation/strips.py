"""Strips of images: originals above their reconstructions."""

from __future__ import annotations

from io import BytesIO

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from torch.nn import functional

from ..leaderboard.results_folder import STRIP_IMAGES, STRIP_ROWS
from ..leaderboard.strips import FRAME_PIXELS

HEIGHT = 64
"""The height in pixels that small images are enlarged to."""


def strip(*rows: Tensor) -> bytes:
    """Draw rows of images as PNG, which states the number of rows in its text.

    Args:
        rows: Images (N, C, H, W) in [0, 1] for each row. The first ten are shown, in gray unless C is 3.
    """
    zoom = max(1, HEIGHT // rows[0].shape[2])
    lines = []
    for images in rows:
        shown = functional.interpolate(
            images[:STRIP_IMAGES].detach().cpu().clamp(0, 1), scale_factor=zoom, mode="nearest"
        )
        colors = shown if shown.shape[1] == 3 else shown.mean(1, keepdim=True).expand(-1, 3, -1, -1)
        framed = functional.pad(colors, (FRAME_PIXELS,) * 4, value=1.0)  # (n, 3, H + 4, W + 4)
        lines.append(torch.cat(list(framed), dim=2))
    pixels = (torch.cat(lines, dim=1) * 255).round().byte().permute(1, 2, 0).numpy()
    target = BytesIO()
    facts = PngInfo()
    facts.add_text(STRIP_ROWS, str(len(rows)))
    Image.fromarray(pixels).save(target, format="PNG", pnginfo=facts)
    return target.getvalue()
