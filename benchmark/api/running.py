"""The function ``mia_bench.run``."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset

from ..errors import UsageError
from ..evaluation.artifacts import Artifacts
from ..interfaces import Component, ImageSet, Pools
from ..leaderboard.records import Record
from ..plan.lists import list_specs, plain
from ..plan.request import Request
from ..plan.suite import requests_of
from ..registry.sweeps import UnknownOption
from ..runner.notebook_progress import NotebookDisplay, in_notebook
from ..runner.options import RunOptions
from ..runner.progress import Display
from ..runner.result_warnings import log_warnings
from ..runner.resume import PlannedCell, prepare
from ..runner.shown_run import compute
from ..utils.isolation import reproducible_state
from ..utils.stderr_logs import logs_on_stderr
from ..utils.texts import as_path, quoted
from .result import Result

Choice = str | Mapping[str, Any] | Component | type[Component]
"""A component, as ``"dp_ir:sigma=0.1"``, ``{"name": "dp_ir", "sigma": 0.1}``, ``DpIr(sigma=0.1)`` or ``DpIr``."""
ModelChoice = Choice | nn.Module
"""A model: a component or a network, which may be the ``name`` of a mapping with other parameters."""
Images = Choice | Tensor | np.ndarray | tuple[Any, Any] | TorchDataset[Any] | ImageSet | Pools
"""A dataset: a component or images, which may be the ``name`` of a mapping with other parameters."""


def run(
    suite: str | Path | None = None,
    *,
    dataset: Images | Iterable[Images] | None = None,
    model: ModelChoice | Iterable[ModelChoice] | None = None,
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
    perceptual: str | Iterable[str] | None = None,
    out: str | Path = "results",
    data_dir: str | Path | None = None,
    quiet: bool = False,
) -> Result:
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
            floats in [0, 1], a list of images or PIL images, ``(images, labels)``, a torch ``Dataset`` of them, an
            ``ImageSet``, ``Pools``, or ``{"private": ..., "aux": ..., "train": ...}`` of these. Defaults to ``photos``.
        model: The target: a name, or a ``torch.nn.Module``, whose weights are used as they are. Images in [0, 1] are
            given to it; ``{"name": module, "mean": ..., "std": ...}`` normalizes them first. Defaults to the
            recommended model of the dataset.
        split: The same as ``splits``.
        splits: The last layers on the client, such as ``layer2.1`` or ``layer*``. Defaults to the recommended split of
            the dataset.
        attacks: The attacks. Defaults to all standard ones. ``mean_image`` is always included.
        defenses: The defenses. Defaults to all built-in ones. ``undefended`` is always included.
        seeds: The random seeds. Defaults to 0.
        images: The number of private images under attack. Defaults to 64, or all if there are fewer.
        options: Values of parameters, by name, for every chosen attack or defense that has them. A list makes a sweep,
            and so does a string with commas, such as ``"0.1,0.5"``.
        jobs: The number of worker processes. Defaults to 1, and with Ray to as many as the cluster has room for.
        device: The device to compute on. ``auto`` means CUDA if torch finds it, else the CPU.
        cell_timeout: The seconds that a cell may take once its target is trained. Defaults to no limit.
        engine: What runs the workers. ``ray`` needs ``mia-bench[ray]``.
        address: ``HOST:PORT`` of a Ray cluster, or ``auto`` on one of its machines. Defaults to the Ray cluster that
            this process is connected to, or else to a local one for this run.
        gpus_per_cell: The share of a GPU that Ray gives to each worker, from 0 to 1. Defaults to 1 on CUDA devices.
        perceptual: Perceptual measures that are computed as well: ``lpips``, ``lpips:backbone=FILE`` and
            ``imagenet_distance``. Finished cells without them are computed again. Defaults to none.
        out: The folder of the results.
        data_dir: The folder of the data. Defaults to the default folder of each dataset.
        quiet: Whether to show neither progress nor messages on stderr. The messages are also logged to the loggers
            below ``mia_bench``, for programs that configure ``logging``.

    Returns:
        A pandas data frame with one row for each cell in the order of the plan, including failed cells, and the columns
        of the leaderboard. It has ``rank()``, ``plot()``, ``report()``, ``per_image``, ``originals`` and
        ``reconstructions``, which are described with ``Result``.

    Raises:
        UsageError: If the request, the data or the records are wrong.

    Example:
        >>> import mia_bench
        >>> board = mia_bench.run(attacks="ridge", defenses="dp_ir:sigma=0.5", images=16)  # doctest: +SKIP
        >>> board[["defense", "attack", "psnr_db", "ssim"]]  # doctest: +SKIP

        Your own network and images:

        >>> mia_bench.run(model=network, split="layer2.1", dataset=(images, labels))  # doctest: +SKIP
    """
    wanted: dict[str, Any] = {"dataset": dataset, "model": model, "split": split, "splits": splits}
    wanted |= {"attacks": attacks, "defenses": defenses, "seeds": seeds, "images": images, "options": options}
    run_options = RunOptions(
        out=as_path(out, "out to be a path"),
        data_dir=None if data_dir is None else as_path(data_dir, "data_dir to be a path"),
        device=device,
        jobs=plain(jobs),
        cell_timeout=plain(cell_timeout),
        engine=engine,
        address=address,
        gpus_per_cell=plain(gpus_per_cell),
        perceptual=tuple(list_specs(perceptual or ())),
        keep_images=True,
    )
    with reproducible_state(), nullcontext() if quiet else logs_on_stderr():
        planned, records, artifacts = _compute(suite, wanted, run_options, quiet=quiet)
    return Result.of(planned, records, run_options, artifacts)


def _compute(
    suite: str | Path | None, wanted: Mapping[str, Any], run_options: RunOptions, *, quiet: bool
) -> tuple[list[PlannedCell], list[Record], Artifacts]:
    """Plan and compute the cells. Return them with their records, and what they were computed from."""
    request = Request(**wanted)
    artifacts = Artifacts(device=run_options.torch_device, data_dir=run_options.data_dir)
    requests = requests_of(_named(suite), request)
    try:
        planned = prepare(requests, run_options, artifacts)
    except UnknownOption as error:
        raise error.among(list(inspect.signature(run).parameters)) from error
    display = NotebookDisplay if in_notebook() else Display
    records = compute(planned, run_options, artifacts, quiet=quiet, display=display)
    log_warnings(records)
    return planned, records, artifacts


def _named(suite: Any) -> str | None:
    """Return the path or the name of a suite."""
    if suite is None or isinstance(suite, str | Path):
        return None if suite is None else str(suite)
    raise UsageError(
        f"Expected suite to be a path or a name, got {quoted(suite)}. Name the other arguments, as in run(model=...)."
    )
