"""``mia_bench.run``, ``mia_bench.rank`` and ``mia_bench.plot`` for notebooks and scripts."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import torch

from .errors import UsageError
from .evaluation.artifacts import Artifacts
from .interfaces import Component
from .leaderboard import ranking
from .leaderboard.columns import SHOWN
from .leaderboard.loading import Cells
from .leaderboard.ranking import shorten
from .leaderboard.store import Record, Row, as_given, read_record, record_path, rows_of
from .plan.request import Request
from .plan.suite import requests_of
from .registry import Kind
from .registry.labels import label
from .registry.specs import UnknownOption
from .report.content import content
from .report.figures import check_installed
from .runner.options import RunOptions
from .runner.resume import prepare
from .runner.run import compute, tell_doubts
from .utils.isolation import restored_state
from .utils.stderr_logs import logs_on_stderr

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Choice = str | Mapping[str, Any] | Component
"""A component: ``dp_ir:sigma=0.1``, ``{"name": "dp_ir", "sigma": 0.1}`` or ``DpIr(sigma=0.1)``."""

NOUNS: dict[str, Kind] = {"defense": "defenses", "attack": "attacks"}


class Table(pd.DataFrame):
    """A data frame that displays fewer columns than it has; what is made of it is an ordinary one."""

    _metadata: list[str] = ["_brief"]  # noqa: RUF012, pandas copies what is named here
    _brief: Callable[[pd.DataFrame], pd.DataFrame]

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        """The short form, as text."""
        return self._brief(pd.DataFrame(self)).to_string(float_format="{:.4g}".format, na_rep="")

    def _repr_html_(self) -> str:
        return self._brief(pd.DataFrame(self)).to_html(float_format="{:.4g}".format, na_rep="", border=0)


def run(
    suite: str | Path | None = None,
    *,
    dataset: Choice | Sequence[Choice] | None = None,
    model: Choice | Sequence[Choice] | None = None,
    splits: str | Sequence[str] | None = None,
    attacks: Choice | Sequence[Choice] | None = None,
    defenses: Choice | Sequence[Choice] | None = None,
    seeds: int | str | Sequence[int] | None = None,
    images: int | None = None,
    options: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    cell_timeout: float | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    gpus_per_cell: float | None = None,
    out: str | Path = "results",
    data_dir: str | Path | None = None,
    quiet: bool = False,
) -> pd.DataFrame:
    """Attack defended models, as ``mia-bench run`` does; cells that are done in ``out`` are not computed again.

    Interrupted, it keeps the finished cells in ``out``, and goes on from there when it is called again.

    Texts may list several names with commas between them, as on the command line: ``attacks="ridge,white_box"``.

    Args:
        suite: a TOML suite or the name of a built-in one; what else is given wins over it.
        dataset: by default ``photos``.
        model: the target's architecture; by default the dataset's.
        splits: last layers on the client; by default the dataset's.
        attacks: by default all standard ones; ``mean_image`` is always among them.
        defenses: by default all built-in ones; ``undefended`` is always among them.
        seeds: by default 0.
        images: private images under attack; by default 64.
        options: values of parameters for every chosen attack or defense that has them; a list makes a sweep, and so
            does a text with commas, ``"0.1,0.5"``.
        jobs: worker processes at a time; by default 1, and with Ray as many as have room.
        device: where to compute.
        cell_timeout: seconds that a cell may take once its target is trained; by default no limit.
        engine: who runs the workers; ``ray`` needs ``mia-bench[ray]``.
        address: ``HOST:PORT`` of a Ray cluster, or ``auto`` on one of its machines; by default the Ray that this
            process is connected to, or else a local one for this run.
        gpus_per_cell: share of a GPU that Ray gives to each worker; by default 1 where the device is CUDA.
        out: folder of the results.
        data_dir: folder of the data.
        quiet: whether to show neither progress nor messages on stderr. The messages are logged below the logger
            ``mia_bench`` in any case, for programs that configure ``logging``.

    Returns:
        The rows of these cells in the order of the plan, with the columns of the leaderboard; failed ones, too.

    Raises:
        UsageError: if anything about the request, the data or the records is wrong.
    """
    given = {
        "dataset": dataset,
        "model": model,
        "splits": splits,
        "attacks": attacks,
        "defenses": defenses,
        "seeds": seeds,
        "images": images,
        "options": options,
    }
    request = Request(**{name: value for name, value in given.items() if value is not None and value != []})
    place = RunOptions(
        out=Path(out),
        data_dir=None if data_dir is None else Path(data_dir),
        device=device,
        jobs=jobs,
        cell_timeout=cell_timeout,
        engine=engine,
        address=address,
        gpus_per_cell=gpus_per_cell,
    )
    with restored_state(), nullcontext() if quiet else logs_on_stderr():
        torch.set_num_threads(1)  # the same arithmetic in one process and in several
        artifacts = Artifacts(device=place.torch_device, data_dir=place.data_dir)
        requests = requests_of(None if suite is None else str(suite), request)
        try:
            planned = prepare(requests, place, artifacts)
        except UnknownOption as error:
            raise error.among(list(inspect.signature(run).parameters)) from error
        records = compute(planned, place, artifacts, quiet=quiet)
        tell_doubts(records)
    return _board(records, place.out)


def rank(*boards: pd.DataFrame | str | Path) -> pd.DataFrame:
    """Rank defenses by what the strongest attacks recover, as ``mia-bench rank`` does.

    Args:
        boards: what ``run`` gave, or leaderboards and results folders.

    Returns:
        One line per defense with its parameters, the best protected first.

    Raises:
        UsageError: if there is no board, a file is not a leaderboard, or a frame lacks its columns.
    """
    with restored_state():
        return _table(ranking.rank(*gather(*boards)), shorten)


def gather(*boards: pd.DataFrame | str | Path) -> tuple[list[Row], dict[str, Record]]:
    """The rows of boards, and those of their records that are at hand, by cell.

    Raises:
        UsageError: if there is no board, a file is not a leaderboard, or a frame lacks its columns.
    """
    if not boards:
        raise UsageError("no board is given; expected what mia_bench.run gave, or paths of leaderboards")
    cells = Cells()
    for board in boards:
        if isinstance(board, pd.DataFrame):
            rows = rows_of(board)
            records = _records(rows, board.attrs.get("mia_bench_out"))
            for row in rows:
                cells.add(row, records.get(row.cell_id), "a data frame")
        else:
            cells.read(Path(board))
    return cells.finish()


def _board(records: Sequence[Record], out: Path) -> pd.DataFrame:
    board = _table(as_given(record.row for record in records), _short)
    board.attrs["mia_bench_out"] = str(out.resolve())
    return board


def _short(board: pd.DataFrame) -> pd.DataFrame:
    """The names, with those parameters that are not the default, and the most important scores."""
    names = board[["split", "seed"]].assign(
        **{
            noun: [
                label(kind, name, json.loads(params))
                for name, params in zip(board[noun], board[f"{noun}_params"], strict=True)
            ]
            for noun, kind in NOUNS.items()
        }
    )
    return names.join(board[SHOWN]).dropna(axis="columns", how="all")


def _table(frame: pd.DataFrame, brief: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    table = Table(frame)
    table._brief = brief
    return table


def _records(rows: Sequence[Row], out: str | None) -> dict[str, Record]:
    """The records of rows, as far as they still lie where they were written."""
    if out is None:
        return {}
    paths = {row.cell_id: record_path(Path(out), row.cell_id) for row in rows}
    return {cell_id: read_record(path) for cell_id, path in paths.items() if path.exists()}


def plot(*boards: pd.DataFrame | str | Path, measure: Literal["psnr_db", "ssim"] = "psnr_db") -> Figure:
    """Draw one point per setting of a defense: its accuracy, and what the strongest attacks recover.

    The figure is that of ``mia-bench report --figures``: up is useful, left is private.

    Args:
        boards: what ``run`` gave, or leaderboards and results folders; of one dataset, model and split.
        measure: how much is recovered, in dB or as SSIM.

    Returns:
        The figure, which a notebook shows.

    Raises:
        UsageError: if matplotlib is not installed, a board is none, or they are of several places.
    """
    check_installed()
    import matplotlib.pyplot  # noqa: F401  # notebooks show figures from here on

    from .report.tradeoff_figure import tradeoff

    scenarios = content(*gather(*boards)).scenarios
    if len(scenarios) != 1:
        found = ", ".join(f"{each.dataset} {each.model} {each.split}" for each in scenarios) or "none"
        raise UsageError(f"a plot shows one dataset, model and split; these boards have: {found}")
    return tradeoff(scenarios[0], measure)
