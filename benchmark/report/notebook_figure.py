"""Figures that notebooks display without a magic command, and that are saved whole."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

NOTEBOOK_DPI = 110
"""Resolution of figures in notebooks, in pixels per inch."""


class NotebookFigure(Figure):
    """A figure that a notebook displays as an image. Saving it includes what lies outside the axes, such as a legend.

    Example:
        >>> NotebookFigure(figsize=(2, 1))._repr_png_()[1:4]
        b'PNG'
    """

    def savefig(self, fname: Any, **options: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Save the figure, as ``matplotlib.figure.Figure.savefig`` does, with everything that it shows."""
        super().savefig(fname, **{"bbox_inches": "tight", **options})

    def _repr_png_(self) -> bytes:
        target = BytesIO()
        self.savefig(target, format="png", dpi=NOTEBOOK_DPI)
        return target.getvalue()


def image_rows(rows: Mapping[str, NDArray[np.float32]], title: str) -> NotebookFigure:
    """Draw rows of images.

    Args:
        rows: Images (N, C, H, W) in [0, 1] of each row, by its name. They are gray unless C is 3.
        title: The title.
    """
    columns = max(map(len, rows.values()))
    figure = NotebookFigure(figsize=(1.1 * columns, 1.1 * len(rows) + 0.4), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for axes, image in zip(line, images, strict=False):
            pixels = image.transpose(1, 2, 0) if len(image) == 3 else image.mean(0)  # (H, W, 3) or (H, W)
            axes.imshow(np.clip(pixels, 0, 1), cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, fontsize=8)
    figure.suptitle(title, fontsize=8)
    return figure
