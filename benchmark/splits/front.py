"""The lines that no other line beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .lines import CLOUD, DEVICE, Line


def mark_pareto(lines: Sequence[Line]) -> list[Line]:
    """Mark the lines that no other line beats in leak (PSNR), latency, energy and utility; a line needs all of them."""
    points = [_point(line) for line in lines]
    return [
        replace(
            line,
            pareto=point is not None and not any(other is not None and _beats(other, point) for other in points),
        )
        for line, point in zip(lines, points, strict=True)
    ]


def _point(line: Line) -> tuple[float, ...] | None:
    leak = {DEVICE: 0.0, CLOUD[0]: 100.0}.get(line.split, line.psnr_db)
    if line.incomplete:
        return None
    values = (leak, line.latency_ms_modelled, line.energy_mj_modelled, line.utility)
    if any(value is None for value in values):
        return None
    *costs, utility = (float(value) for value in values if value is not None)
    return (*costs, -utility)


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
