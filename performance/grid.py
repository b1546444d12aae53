"""A whole grid from an empty results folder: how long it takes, against its cells one by one, and where the time goes.

First in one process, with a stopwatch on each kind of work; what is left is the harness. Then some of the cells alone,
each in a fresh process that finds the trained target in the cache; their mean stands for all. Then the grid in
several processes. By default: ridge, white_box, black_box and the reference mean_image against six defenses at two
strengths each, and no defense.

Run: python performance/grid.py --data-dir DIR [--empty-cache] [--jobs 2] [--alone 6]
"""

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from measuring import Spent, in_process, machine, setting_options, timed

ATTACKS = ["ridge", "white_box", "black_box"]
DEFENSES = [
    "dp_ir:sigma=0.3",
    "dp_ir:sigma=1",
    "dp_input:sigma=0.1",
    "dp_input:sigma=0.3",
    "dropout:rate=0.3",
    "dropout:rate=0.6",
    "quantize:bits=1",
    "quantize:bits=4",
    "topk:kept=0.1",
    "topk:kept=0.3",
    "fc_before_send:width=32",
    "fc_before_send:width=128",
]
KINDS = {
    "data": [
        "evaluation.pool_loader.PoolLoader.pools",
        "evaluation.pool_loader.PoolLoader.facts",
        "evaluation.targets.TargetStore.structure",
    ],
    "training": ["evaluation.targets.load_or_train", "evaluation.evaluators.load_or_train"],
    "protecting and sending": [
        "evaluation.artifacts.protect",
        "evaluation.evaluate.Artifacts.observe",
    ],
    "attacking": ["evaluation.evaluate.reconstruct"],
    "scoring": [
        "evaluation.evaluate.compare_selected",
        "evaluation.evaluate.compare_members",
        "evaluation.evaluate.score_columns",
        "evaluation.evaluate.score",
    ],
    "bounds": ["evaluation.evaluate.bound"],
}
"""The functions of ``mia_bench.benchmark`` that do each kind of work."""


class Stopwatch:
    """CPU seconds by kind of work; a kind within another counts for itself only.

    Example:
        ``stopwatch.watch("score", score)`` is ``score``, with its CPU time added to ``stopwatch.seconds["score"]``.
    """

    def __init__(self) -> None:
        """Start at 0."""
        self.seconds: dict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = time.process_time()

    def switch(self, kind: str | None) -> None:
        """Begin a kind of work, or end the one that runs."""
        now = time.process_time()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now
        if kind is None:
            self._running.pop()
        else:
            self._running.append(kind)

    def watch(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, with its time counted."""

        def watched(*args: Any, **named: Any) -> Any:
            self.switch(kind)
            try:
                return function(*args, **named)
            finally:
                self.switch(None)

        return watched


def watched(call: Callable[[], object]) -> tuple[Spent, dict[str, float]]:
    """Measure a call, and the CPU seconds of each kind of work in it."""
    stopwatch = Stopwatch()
    with ExitStack() as stack:
        for kind, paths in KINDS.items():
            for path in paths:
                owner, _, name = path.rpartition(".")
                target = _resolve(f"mia_bench.benchmark.{owner}")
                stack.enter_context(patch.object(target, name, _counted(stopwatch, kind, target, name)))
        _, spent = timed(call)
    return spent, dict(stopwatch.seconds)


def _counted(stopwatch: Stopwatch, kind: str, owner: Any, name: str) -> Any:
    """Wrap a function of a module, or a method or cached property of a class, to count its time."""
    found = getattr(owner, name)
    if not isinstance(found, cached_property):
        return stopwatch.watch(kind, found)
    counted = cached_property(lambda each: stopwatch.watch(kind, found.func(each)))
    counted.__set_name__(owner, name)
    return counted


def _resolve(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(_resolve(module), name) if name[0].isupper() else __import__(path, fromlist=["*"])


def arguments(options: argparse.Namespace) -> list[str]:
    """Return the arguments of ``mia-bench run`` that describe the grid."""
    named = [("--dataset", options.dataset), ("--model", options.model), ("--split", options.split)]
    named += [("--data-dir", options.data_dir), ("--images", options.images)]
    named += [("--attack", attack) for attack in options.attacks] + [("--defense", each) for each in options.defenses]
    return [str(word) for pair in named if pair[1] is not None for word in pair]


def run_cell(options: argparse.Namespace, index: int) -> None:
    """Compute one cell of the grid alone."""
    from mia_bench.benchmark.evaluation.artifacts import Artifacts
    from mia_bench.benchmark.evaluation.evaluate import evaluate
    from mia_bench.benchmark.plan.expansion import plan
    from mia_bench.benchmark.plan.request import Request

    torch.set_num_threads(1)
    cells = plan(Request(**request_of(options)))
    bench = Artifacts(device=torch.device("cpu"), data_dir=options.data_dir)
    cell = cells[index]
    record, _ = evaluate(cell, cell.cell_id(bench.check(cell.setting)), bench)
    if record.row.status == "failed":
        sys.exit(record.row.reason)


def request_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of a request that describe the grid."""
    return {
        "dataset": options.dataset,
        "model": options.model,
        "splits": options.split,
        "attacks": options.attacks,
        "defenses": options.defenses,
        "images": options.images,
    }


def main() -> None:
    """Print the time of the grid in one process and in several, and of its cells alone."""
    parser = setting_options(__doc__, images=64)
    parser.add_argument("--attacks", nargs="*", default=ATTACKS)
    parser.add_argument("--defenses", nargs="*", default=DEFENSES)
    parser.add_argument("--empty-cache", action="store_true", help="train the target in each run of the grid")
    parser.add_argument("--jobs", type=int, default=2, help="processes of the last run; 1 omits that run")
    parser.add_argument("--alone", type=int, default=6, help="cells that are computed alone")
    parser.add_argument("--cell", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cell is not None:
        return run_cell(options, options.cell)
    with tempfile.TemporaryDirectory() as folder:
        report(options, Path(folder))


def report(options: argparse.Namespace, folder: Path) -> None:
    """Run everything, with results and empty caches in a folder."""
    torch.set_num_threads(1)

    def fresh_cache(name: str) -> None:
        if options.empty_cache:
            os.environ["MIA_BENCH_CACHE"] = str(folder / name)

    fresh_cache("first cache")
    together, kinds, count = one_process(options, folder / "one")
    print(
        f"{machine()}; {count} cells, {options.images} images, cache {'empty' if options.empty_cache else 'as it is'}"
    )
    print(f"one process: {together}")
    for kind, seconds in kinds.items():
        print(f"  {kind:24} {seconds:8.2f} CPU-s {100 * seconds / together.cpu:6.1f} %")
    rest = together.cpu - sum(kinds.values())
    print(f"  {'the harness':24} {rest:8.2f} CPU-s {100 * rest / together.cpu:6.1f} %", flush=True)
    if options.alone:
        chosen = sorted({index * count // options.alone for index in range(options.alone)})
        mine = [word for word in sys.argv[1:] if word != "--empty-cache"]
        alone = [in_process([sys.executable, __file__, *mine, "--cell", str(index)]) for index in chosen]
        total = sum_of(alone).shared_by(len(alone)).times(count)
        wall, cpu = total.over(together)
        print(
            f"{len(alone)} of {count} cells alone, for all {count}: {total}; {wall:.1f} times ({cpu:.1f} by CPU time)"
        )
    if options.jobs > 1:
        fresh_cache("second cache")
        program = [sys.executable, "-m", "mia_bench", "run", *arguments(options)]
        several = in_process([*program, "--jobs", str(options.jobs), "--out", str(folder / "several")])
        print(f"{options.jobs} processes: {several}; {together.over(several)[0]:.2f} times as fast as one")


def one_process(options: argparse.Namespace, out: Path) -> tuple[Spent, dict[str, float], int]:
    """Run the grid in this process; return its time, the time of each kind of work, and the number of cells."""
    import mia_bench

    boards = []

    def run() -> None:
        boards.append(mia_bench.run(**request_of(options), data_dir=options.data_dir, out=out, quiet=True))

    spent, kinds = watched(run)
    failed = boards[0][boards[0]["status"] == "failed"]
    if len(failed):
        sys.exit("\n".join(failed["reason"]))
    return spent, kinds, len(boards[0])


def sum_of(all_spent: list[Spent]) -> Spent:
    """Add them."""
    return Spent(sum(each.wall for each in all_spent), sum(each.cpu for each in all_spent))


if __name__ == "__main__":
    main()
