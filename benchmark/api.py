"""The functions ``mia_bench.run``, ``mia_bench.rank`` and ``mia_bench.plot`` for notebooks and scripts."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset

from .errors import UsageError
from .evaluation.artifacts import Artifacts
from .interfaces import Component, ImageSet, Pools
from .leaderboard import ranking
from .leaderboard.columns import shown_columns
from .leaderboard.loading import Cells
from .leaderboard.ranking import shorten
from .leaderboard.store import Record, Row, as_given, read_record, record_path, rows_of
from .plan.lists import plain
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

Choice = str | Mapping[str, Any] | Component | type[Component]
"""A component, as ``"dp_ir:sigma=0.1"``, ``{"name": "dp_ir", "sigma": 0.1}``, ``DpIr(sigma=0.1)`` or ``DpIr``."""
Network = Choice | nn.Module
"""A model: a component or a network, which may be the ``name`` of a mapping with other parameters."""
Images = Choice | Tensor | np.ndarray | tuple[Any, Any] | TorchDataset[Any] | ImageSet | Pools
"""A dataset: a component or images, which may be the ``name`` of a mapping with other parameters."""

NOUNS: dict[str, Kind] = {"defense": "defenses", "attack": "attacks"}


class Table(pd.DataFrame):
    """Display fewer columns of a data frame than it has. Frames that are derived from it are ordinary ones.

    Example:
        >>> table = Table({"name": ["dp_ir"], "details": ["..."]})
        >>> table._brief = lambda frame: frame[["name"]]
        >>> table
            name
        0  dp_ir
    """

    _metadata: list[str] = ["_brief"]  # noqa: RUF012, pandas copies the attributes that are named here
    _brief: Callable[[pd.DataFrame], pd.DataFrame]

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        """Return the displayed columns as text."""
        return self._brief(pd.DataFrame(self)).to_string(float_format="{:.4g}".format, na_rep="")

    def _repr_html_(self) -> str:
        return self._brief(pd.DataFrame(self)).to_html(float_format="{:.4g}".format, na_rep="", border=0)


def run(
    suite: str | Path | None = None,
    *,
    dataset: Images | Iterable[Images] | None = None,
    model: Network | Iterable[Network] | None = None,
    split: str | Iterable[str] | None = None,
    splits: str | Iterable[str] | None = None,
    attacks: Choice | Iterable[Choice] | None = None,
    defenses: Choice | Iterable[Choice] | None = None,
    seeds: int | str | Iterable[int] | None = None,
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
    """Attack defended models, as ``mia-bench run`` does.

    Cells that are finished in ``out`` are not computed again. If a run is interrupted, the finished cells stay in
    ``out``, and the next call with the same arguments computes the remaining ones.

    A string may list several names with commas between them, as on the command line: ``attacks="ridge,white_box"``.

    Components may be objects: a ``torch.nn.Module``, images, and own subclasses of ``Attack``, ``Defense``, ``Model``
    and ``Dataset`` or instances of these. They are never changed, and a network is never trained. The hash of their
    content identifies their cells: equal objects resume a run, and changed ones are computed. These cells are computed
    in this process, so ``jobs``, ``cell_timeout`` and Ray are refused, and no command can compute them again.

    Args:
        suite: The path of a TOML suite or the name of a built-in one. Other arguments override it.
        dataset: The dataset or datasets: a name, images (N, C, H, W), (N, H, W, C) or (N, H, W) as 8-bit values or
            floats in [0, 1], ``(images, labels)``, a torch ``Dataset`` of such images or PIL images, an ``ImageSet``,
            ``Pools``, or ``{"private": ..., "aux": ..., "train": ...}`` of these. Defaults to ``photos``.
        model: The target: a name, or a ``torch.nn.Module``, whose weights are used as they are. Images in [0, 1] are
            given to it; ``{"name": module, "mean": ..., "std": ...}`` normalizes them first. Defaults to the
            recommended model of the dataset.
        split: The same as ``splits``.
        splits: The last layers on the client, such as ``layer2.1`` or ``layer*``. Defaults to the recommended split of
            the dataset.
        attacks: The attacks. Defaults to all standard ones. ``mean_image`` is always included.
        defenses: The defenses. Defaults to all built-in ones. ``undefended`` is always included.
        seeds: The random seeds. Defaults to 0.
        images: The number of private images under attack. Defaults to 64, or all if the given images are fewer.
        options: Values of parameters, by name, for every chosen attack or defense that has them. A list makes a sweep,
            and so does a string with commas, such as ``"0.1,0.5"``.
        jobs: The number of worker processes. Defaults to 1, and with Ray to as many as the cluster has room for.
        device: The device to compute on. ``auto`` means CUDA if torch finds it, else the CPU.
        cell_timeout: The seconds that a cell may take once its target is trained. Defaults to no limit.
        engine: What runs the workers. ``ray`` needs ``mia-bench[ray]``.
        address: ``HOST:PORT`` of a Ray cluster, or ``auto`` on one of its machines. Defaults to the Ray cluster that
            this process is connected to, or else to a local one for this run.
        gpus_per_cell: The share of a GPU that Ray gives to each worker, from 0 to 1. Defaults to 1 on CUDA devices.
        out: The folder of the results.
        data_dir: The folder of the data. Defaults to the default folder of each dataset.
        quiet: Whether to show neither progress nor messages on stderr. The messages are also logged to the loggers
            below ``mia_bench``, for programs that configure ``logging``.

    Returns:
        One row for each cell in the order of the plan, including failed cells, with the columns of the leaderboard.

    Raises:
        UsageError: If the request, the data or the records are wrong.

    Example:
        >>> import mia_bench
        >>> board = mia_bench.run(attacks="ridge", defenses="dp_ir:sigma=0.5", images=16)  # doctest: +SKIP
        >>> board[["defense", "attack", "psnr_db", "ssim"]]  # doctest: +SKIP

        Your own network and images:

        >>> mia_bench.run(model=network, split="layer2.1", dataset=(images, labels))  # doctest: +SKIP
    """
    given = {
        "dataset": dataset,
        "model": model,
        "split": split,
        "splits": splits,
        "attacks": attacks,
        "defenses": defenses,
        "seeds": seeds,
        "images": images,
        "options": options,
    }
    place = RunOptions(
        out=Path(out),
        data_dir=None if data_dir is None else Path(data_dir),
        device=device,
        jobs=plain(jobs),
        cell_timeout=plain(cell_timeout),
        engine=engine,
        address=address,
        gpus_per_cell=plain(gpus_per_cell),
    )
    with restored_state(), nullcontext() if quiet else logs_on_stderr():
        request = Request(**{name: value for name, value in given.items() if not _is_missing(value)})
        torch.set_num_threads(1)  # One thread gives the same arithmetic in one process and in several.
        artifacts = Artifacts(device=place.torch_device, data_dir=place.data_dir)
        requests = requests_of(None if suite is None else str(suite), request)
        try:
            planned = prepare(requests, place, artifacts)
        except UnknownOption as error:
            raise error.among(list(inspect.signature(run).parameters)) from error
        records = compute(planned, place, artifacts, quiet=quiet)
        tell_doubts(records)
    return _board(records, place.out)


def _is_missing(value: Any) -> bool:
    """Return whether nothing is given: None, or a list without items."""
    return value is None or (isinstance(value, list | tuple) and not value)


def rank(*boards: pd.DataFrame | str | Path) -> pd.DataFrame:
    """Rank defenses by what the strongest attacks recover, as ``mia-bench rank`` does.

    Args:
        boards: Data frames that ``run`` returned, or paths of leaderboards or results folders.

    Returns:
        One row for each defense with its parameters. The defense that protects best comes first.

    Raises:
        UsageError: If no board is given, a file is not a leaderboard, or a frame lacks columns.

    Example:
        >>> import mia_bench
        >>> mia_bench.rank("results")  # doctest: +SKIP
    """
    with restored_state():
        return _table(ranking.rank(*gather(*boards)), shorten)


def gather(*boards: pd.DataFrame | str | Path) -> tuple[list[Row], dict[str, Record]]:
    """Collect the rows of boards, and by cell those of their records that are available.

    Args:
        boards: Data frames that ``run`` returned, or paths of leaderboards or results folders.

    Raises:
        UsageError: If no board is given, a file is not a leaderboard, or a frame lacks columns.
    """
    if not boards:
        raise UsageError(
            "Expected at least one board, got none. Give what mia_bench.run returned, or paths of leaderboards."
        )
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
    """Select the names, with the parameters that differ from the defaults, and the most important scores."""
    names = board[["split", "seed"]].assign(
        **{
            noun: [
                label(kind, name, json.loads(params))
                for name, params in zip(board[noun], board[f"{noun}_params"], strict=True)
            ]
            for noun, kind in NOUNS.items()
        }
    )
    return names.join(shown_columns(board)).dropna(axis="columns", how="all")


def _table(frame: pd.DataFrame, brief: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    table = Table(frame)
    table._brief = brief
    return table


def _records(rows: Sequence[Row], out: str | None) -> dict[str, Record]:
    """Return the records of rows, as far as they still exist in the results folder."""
    if out is None:
        return {}
    paths = {row.cell_id: record_path(Path(out), row.cell_id) for row in rows}
    return {cell_id: read_record(path) for cell_id, path in paths.items() if path.exists()}


def plot(*boards: pd.DataFrame | str | Path, measure: Literal["psnr_db", "ssim"] = "psnr_db") -> Figure:
    """Plot the utility of each setting of a defense against what the strongest attacks recover.

    The figure is the same as that of ``mia-bench report --figures``. Points higher up are more useful, and points
    further left are more private.

    Args:
        boards: Data frames that ``run`` returned, or paths of leaderboards or results folders, all with the same
            dataset, model and split.
        measure: The measure of what is recovered: ``psnr_db``, in dB, or ``ssim``.

    Returns:
        The figure, which a notebook displays.

    Raises:
        UsageError: If matplotlib is not installed, a file is not a leaderboard, or the boards have several datasets,
            models or splits.

    Example:
        >>> import mia_bench
        >>> mia_bench.plot("results", measure="ssim").savefig("tradeoff.pdf")  # doctest: +SKIP
    """
    check_installed()
    import matplotlib.pyplot  # noqa: F401  # From here on, notebooks show figures.

    from .report.tradeoff_figure import tradeoff

    scenarios = content(*gather(*boards)).scenarios
    if len(scenarios) != 1:
        found = ", ".join(f"{each.dataset} {each.model} {each.split}" for each in scenarios) or "none"
        raise UsageError(f"Expected boards of one dataset, model and split, got {found}. Plot each of them separately.")
    return tradeoff(scenarios[0], measure)
