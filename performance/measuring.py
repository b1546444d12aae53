"""Clocks, the speed of this machine's matrix product, and a setting to attack, for all benchmarks."""

from __future__ import annotations

import argparse
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar, cast

import torch
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.interfaces import Attack, Observation
from mia_bench.benchmark.plan.cells import Setting
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.registry.sweeps import expand_sweeps
from mia_bench.benchmark.utils.seeding import seeded
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

Result = TypeVar("Result")
SIDE = 2048
"""Rows of the matrices whose product gives the machine's peak."""

SCALES = {1: ((0.5,), (0.5,)), 3: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}
"""Mean and standard deviation of the units in which the published code searches, by the channels of the images."""


@dataclass(frozen=True)
class Spent:
    """Wall time and CPU time in seconds. On a busy machine only the CPU time is meaningful.

    Attributes:
        wall: Wall time in seconds.
        cpu: CPU time of all threads in seconds.

    Example:
        >>> print(Spent(2.0, 1.5).times(2))
        4 s (3 CPU-s)
    """

    wall: float
    cpu: float

    def plus(self, other: Spent) -> Spent:
        """Add both."""
        return Spent(self.wall + other.wall, self.cpu + other.cpu)

    def times(self, count: float) -> Spent:
        """Multiply both by a number."""
        return Spent(self.wall * count, self.cpu * count)

    def shared_by(self, count: int) -> Spent:
        """Divide both by a number."""
        return self.times(1 / count)

    def over(self, other: Spent) -> tuple[float, float]:
        """Return the ratio to another measurement, by wall time and by CPU time."""
        return self.wall / other.wall, self.cpu / other.cpu

    def __str__(self) -> str:
        """Format both with three digits."""
        return f"{self.wall:.3g} s ({self.cpu:.3g} CPU-s)"


def timed(call: Callable[[], Result]) -> tuple[Result, Spent]:
    """Call a function; return its result and its time."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, Spent(time.perf_counter() - wall, time.process_time() - cpu)


def in_process(command: list[str]) -> Spent:
    """Run a command; return its time, with that of all processes it started."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return Spent(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def median_of(all_spent: list[Spent]) -> Spent:
    """Return the median of each time."""
    return Spent(median(each.wall for each in all_spent), median(each.cpu for each in all_spent))


def peak_gflops(runs: int = 5) -> float:
    """Measure the speed of a large matrix product in single precision, in billions of operations per CPU second."""
    left, right = torch.rand(2, SIDE, SIDE)
    spent = [timed(lambda: left @ right)[1] for _ in range(runs)]
    return 2 * SIDE**3 / 1e9 / median_of(spent).cpu


class Operations(TorchDispatchMode):
    """Counts the operations of matrix products and convolutions; torch's own counter refuses ``autograd.grad``.

    Example:
        >>> with Operations() as counter:
        ...     _ = torch.ones(2, 3) @ torch.ones(3, 4)
        >>> counter.total
        48
    """

    total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operator and count it."""
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        self.total += count(*args, **(kwargs or {}), out_val=result) if count else 0
        return result


def gflop(call: Callable[[], object]) -> float:
    """Count the operations of matrix products and convolutions in a call, in billions."""
    with Operations() as counter:
        call()
    return counter.total / 1e9


def machine() -> str:
    """Describe the processor, the threads and the version of torch in one line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {torch.get_num_threads()} thread, torch {torch.__version__}"


@dataclass(frozen=True)
class Scene:
    """An undefended setting, ready to be attacked.

    Attributes:
        bench: The artifacts, among them the trained target.
        setting: Dataset, model, split and private images.
        originals: The private images, for scoring only, (N, C, H, W).

    Example:
        ``stage = scene(options); psnr(stage.run(stage.attack("ridge")), stage.originals)``
    """

    bench: Artifacts
    setting: Setting
    originals: Tensor

    def attack(self, spec: str) -> Attack:
        """Build an attack from a spec such as ``white_box:iterations=50``."""
        return cast(Attack, expand_sweeps("attacks", [spec], {})[0].component)

    def observe(self, attack: Attack) -> Observation:
        """Return the observation that an attack is given."""
        return self.bench.observe(self.setting, attack)

    def run(self, attack: Attack) -> Tensor:
        """Run an attack; return its reconstructions, (N, C, H, W)."""
        with seeded("attack", attack.params):
            return cast(Tensor, attack.reconstruct(self.observe(attack)))


def scene(options: argparse.Namespace) -> Scene:
    """Build the requested setting, with the target from the cache if it is there."""
    torch.set_num_threads(1)
    request = Request(
        dataset=options.dataset,
        model=options.model,
        splits=options.split,
        attacks=["mean_image"],
        defenses=["undefended"],
        images=options.images,
    )
    setting = plan(request)[0].setting
    bench = Artifacts(device=torch.device("cpu"), data_dir=options.data_dir)
    bench.check(setting)
    bench.protected(setting)
    return Scene(bench, setting, bench.originals(setting))


def setting_options(description: str | None, *, images: int) -> argparse.ArgumentParser:
    """Build a parser with the options that name a setting."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--model", help="default: the dataset's own")
    parser.add_argument("--split", help="default: the dataset's own")
    parser.add_argument("--images", type=int, default=images, help="private images under attack")
    return parser
