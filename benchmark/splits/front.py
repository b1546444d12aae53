"""The lines that no other line surely beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..metrics.pareto import Estimate, Point, beaten_by
from .lines import CLOUD, DEVICE, Line


def mark_pareto(lines: Sequence[Line]) -> list[Line]:
    """Mark the lines that no other line surely beats in leak (PSNR), latency, energy and utility.

    A line needs all four. Latency and energy are computed, so each difference of them counts. A difference of the leak
    or of the utility within its 95 % interval may be chance, so it beats nothing, as in a ranking of defenses.
    """
    points = {index: point for index, line in enumerate(lines) if (point := _point(line)) is not None}
    best = {index for index, rivals in zip(points, beaten_by([*points.values()]), strict=True) if not rivals}
    return [replace(line, pareto=index in best) for index, line in enumerate(lines)]


def _point(line: Line) -> Point | None:
    if line.incomplete or line.utility is None or line.latency_ms_modelled is None or line.energy_mj_modelled is None:
        return None
    known = {DEVICE: 0.0, CLOUD[0]: 100.0}.get(line.split)
    leak = line.leak_estimate if known is None else Estimate.exactly(known)
    if leak is None:
        return None
    useful = line.utility_estimate or Estimate(line.utility)
    low, high = (None if end is None else -end for end in (useful.high, useful.low))
    costs = Estimate.exactly(line.latency_ms_modelled), Estimate.exactly(line.energy_mj_modelled)
    return leak, *costs, Estimate(-useful.value, low, high)
