"""The Pareto front: what nothing else beats in two respects at once."""

from __future__ import annotations

from collections.abc import Sequence


def undominated(points: Sequence[tuple[float, float]]) -> list[bool]:
    """For each point, whether no other is at most as high in both coordinates and lower in one.

    Args:
        points: pairs of which less is better, such as (PSNR in dB, -accuracy).
    """
    return [not any(a <= x and b <= y and (a, b) != (x, y) for a, b in points) for x, y in points]
