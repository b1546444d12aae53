"""The result of ``mia_bench.run``: a data frame with the images and the views of its cells."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import UsageError
from ..evaluation.artifacts import Artifacts
from ..leaderboard.loading import load_boards
from ..leaderboard.records import Record
from ..leaderboard.results_folder import images_path, strip_path
from ..leaderboard.store import as_given
from ..report.content import content
from ..report.image_gallery import collect_strips
from ..report.page import DEFAULT_TITLE, page
from ..runner.jobs import CellJob
from ..runner.kept_images import read_images, write_images
from ..runner.options import RunOptions
from ..runner.resume import PlannedCell
from ..runner.run import compute_again
from ..utils.atomic_files import write_output
from ..utils.isolation import reproducible_state, restored_state
from ..utils.plurals import count_of
from ..utils.texts import as_path
from .reading import OUT, plot, rank
from .tables import Table, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_STRIPS = 4
"""Strips of images that a notebook displays below the table: those of the strongest attacks."""


@dataclass(frozen=True, eq=False)
class Run:
    """Hold what a result needs to read the images of its cells.

    Attributes:
        planned: The cells, in the order of the rows.
        records: Their records.
        options: Where and how they were computed.
        artifacts: The data and models.

    Example: See ``Result.of``.
    """

    planned: Sequence[PlannedCell]
    records: Sequence[Record]
    options: RunOptions
    artifacts: Artifacts


class Result(Table):
    """Hold what ``mia_bench.run`` has measured: a pandas data frame with one row for each cell, and its images.

    Everything that a data frame can do works, with two exceptions: ``rank`` and ``plot`` are those of ``mia_bench``.
    Use ``frame`` for those of pandas. What is selected or derived from a result is an ordinary data frame.

    Example:
        >>> import mia_bench
        >>> result = mia_bench.run(attacks="ridge", defenses="dp_ir:sigma=0.5", images=16)  # doctest: +SKIP
        >>> result.rank()  # doctest: +SKIP
        >>> result.plot().savefig("tradeoff.pdf")  # doctest: +SKIP
        >>> result.reconstructions[0].shape  # doctest: +SKIP
        (16, 3, 32, 32)
    """

    _metadata: list[str] = ["_brief", "_run"]  # noqa: RUF012, pandas copies the attributes that are named here
    _run: Run

    @classmethod
    def of(
        cls, planned: Sequence[PlannedCell], records: Sequence[Record], options: RunOptions, artifacts: Artifacts
    ) -> Result:
        """Return the result of a run.

        Args:
            planned: The cells.
            records: Their records, in the same order.
            options: Where and how they were computed.
            artifacts: The data and models.
        """
        result = cls(as_given(record.row for record in records))
        result._brief = short
        result._run = Run(planned, records, options, artifacts)
        result.attrs[OUT] = str(options.out.resolve())
        return result

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as an ordinary data frame."""
        frame = pd.DataFrame(self).copy()
        frame.attrs.update(self.attrs)
        return frame

    def rank(self) -> pd.DataFrame:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Rank the defenses by what the strongest attacks recover, as ``mia_bench.rank`` does.

        Returns:
            One row for each defense with its parameters. The defense that protects best comes first.
        """
        return rank(self.frame)

    def plot(  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
        self, measure: Literal["psnr_db", "ssim"] = "psnr_db"
    ) -> Figure:
        """Plot the utility of each defense against what the strongest attacks recover, as ``mia_bench.plot`` does.

        Args:
            measure: The measure of what is recovered: ``psnr_db``, in dB, or ``ssim``.

        Returns:
            The figure. A notebook displays it, and ``savefig`` keeps its legend.
        """
        return plot(self.frame, measure=measure)

    @property
    def per_image(self) -> pd.DataFrame:
        """The scores of each attacked image.

        The columns are ``row`` (of this frame), ``defense``, ``attack``, ``image``, ``psnr_db`` in dB and ``ssim``.
        """
        parts = [
            pd.DataFrame(
                {
                    "row": row,
                    "defense": record.row.defense,
                    "attack": record.row.attack,
                    "image": range(len(record.per_image.psnr_db)),
                    "psnr_db": record.per_image.psnr_db,
                    "ssim": record.per_image.ssim,
                }
            )
            for row, record in enumerate(self._run.records[position] for position in self._positions())
            if record.per_image.psnr_db
        ]
        columns = ["row", "defense", "attack", "image", "psnr_db", "ssim"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    @property
    def originals(self) -> NDArray[np.float32]:
        """The images under attack, (N, C, H, W) float32 in [0, 1], in the order of the scores in ``per_image``.

        Raises:
            UsageError: If the result has several datasets or numbers of images.
        """
        self._refuse_several()
        return self._originals(0)

    @property
    def reconstructions(self) -> NDArray[np.float32]:
        """The reconstructions of each row, (rows, N, C, H, W) float32 in [0, 1]. NaN for cells without reconstructions.

        They are rounded to 16 bits. Those of cells that an earlier command computed without keeping them are computed
        again.

        Raises:
            UsageError: If the result has several datasets or numbers of images.
        """
        self._refuse_several()
        shape = self._originals(0).shape
        positions = self._positions()
        found = np.full((len(positions), *shape), np.nan, np.float32)
        for row, position in enumerate(positions):
            images = self._reconstructed(position)
            if images is not None:
                found[row] = images
        return found

    def report(self, path: str | Path = "report.html", *, title: str = DEFAULT_TITLE) -> Path:
        """Write the results folder of this run as one page that needs no network, as ``mia-bench report`` does.

        Args:
            path: The path of the page.
            title: The title of the page.

        Returns:
            The path.

        Raises:
            UsageError: If the page cannot be written.
        """
        target, out = as_path(path, "the path of a page"), self._run.options.out
        found = content(*load_boards([out]))
        text = page(found, collect_strips(found.scenarios, [out]), title)
        return write_output(target, text.encode())

    def _repr_html_(self) -> str:
        """Return the table, and below it the images of the attacks that recover most, one for each defense."""
        done = pd.DataFrame(self).query("status == 'done'").sort_values("psnr_db", ascending=False, kind="stable")
        strongest = done.drop_duplicates(["defense", "defense_params"]).head(SHOWN_STRIPS)
        strips = [self._strip(row) for row in strongest.to_dict("records")]
        return super()._repr_html_() + "".join(strips)

    def _strip(self, row: dict[Any, Any]) -> str:
        path = strip_path(self._run.options.out, row["cell_id"])
        if not path.exists():
            return ""
        title = escape(f"{row['defense']}, {row['attack']}: {row['psnr_db']:.1f} dB (originals above)")
        return f"<div>{title}<br>{inline_png(path.read_bytes())}</div>"

    def _positions(self) -> list[int]:
        """Return the position of each row in the plan, since the rows may have been sorted in place."""
        known = {record.row.cell_id: position for position, record in enumerate(self._run.records)}
        return [known[cell_id] for cell_id in self["cell_id"]]

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle as an ordinary data frame, without the models that would compute images again."""
        return self.frame.__reduce__()

    def _refuse_several(self) -> None:
        kinds = {(each.cell.setting.dataset, each.cell.setting.images) for each in self._run.planned}
        if len(kinds) != 1:
            names = ", ".join(sorted(f"{dataset.label} ({count_of(images, 'image')})" for dataset, images in kinds))
            raise UsageError(
                f"Expected a result of one dataset and number of images, got {names}. Run each separately."
            )

    def _originals(self, row: int) -> NDArray[np.float32]:
        with restored_state():
            return self._run.artifacts.originals(self._run.planned[row].cell.setting).cpu().numpy().copy()

    def _reconstructed(self, position: int) -> NDArray[np.float32] | None:
        """Return the reconstructions of a cell of the plan, which are computed again if they are not kept."""
        planned, record = self._run.planned[position], self._run.records[position]
        if record.row.status != "done":
            return None
        path = images_path(self._run.options.out, planned.cell_id)
        if not path.exists():
            with reproducible_state():  # as the scores were computed
                again = compute_again(CellJob(planned.cell, planned.cell_id), self._run.options, self._run.artifacts)
            if again.images is None:
                return None
            write_images(path, again.images)
        return read_images(path)


def inline_png(content: bytes) -> str:
    """Return a PNG as an HTML element that contains it."""
    return f'<img src="data:image/png;base64,{base64.b64encode(content).decode()}">'
