"""The best line within limits, or the limit that cannot be met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .lines import Line


@dataclass(frozen=True)
class Limit:
    """A limit on a column of a line.

    Attributes:
        option: The option that gave it.
        column: The column.
        value: The limit, in the unit of the column.
        lowest: Whether the column must be at least the limit, rather than at most.

    Example:
        >>> Limit("--max-latency", "latency_ms_modelled", 100.0).excess(Line(split="fc1", latency_ms_modelled=130.0))
        30.0
    """

    option: str
    column: str
    value: float
    lowest: bool = False

    def excess(self, line: Line) -> float:
        """Return by how much a line misses the limit: at most 0 if it meets it, infinite if the value is unknown."""
        value = getattr(line, self.column)
        if value is None:
            return float("inf")
        return self.value - value if self.lowest else value - self.value


def choose(lines: Sequence[Line], limits: Sequence[Limit]) -> tuple[Line | None, str]:
    """Choose the line that leaks least among those that meet all limits.

    The leak is the share identified, then PSNR; ties and unknown leaks are resolved by latency, then energy.

    Returns:
        The line and why it was chosen; None and which limit cannot be met, by how much, if there is none.

    Example:
        >>> lines = [Line(split="conv1", latency_ms_modelled=80.0), Line(split="fc1", latency_ms_modelled=130.0)]
        >>> choose(lines, [Limit("--max-latency", "latency_ms_modelled", 100.0)])[0].split
        'conv1'
    """
    able = [line for line in lines if all(limit.excess(line) <= 0 for limit in limits)]
    if able:
        best = min(able, key=_order)
        return best, f"{_name(best)} leaks least of the {len(able)} of {len(lines)} lines that meet all limits."
    return None, " ".join(_refused(lines, limits))


def _order(line: Line) -> tuple[float, ...]:
    infinite = float("inf")
    values = (line.identified, line.psnr_db, line.latency_ms_modelled, line.energy_mj_modelled)
    leak_free = 0.0 if line.split == "device" else infinite
    return tuple(
        (leak_free if place == 1 else infinite) if value is None else value for place, value in enumerate(values)
    )


def _refused(lines: Sequence[Line], limits: Sequence[Limit]) -> list[str]:
    alone = [limit for limit in limits if all(limit.excess(line) > 0 for line in lines)]
    if alone:
        return [f"No line meets {_limit(limit)}: {_nearest(limit, lines)}." for limit in alone]
    found = ["Each limit can be met, but not all together."]
    for limit in limits:
        others = [line for line in lines if all(each.excess(line) <= 0 for each in limits if each is not limit)]
        if others:
            found.append(f"With the other limits, {_limit(limit)} is missed: {_nearest(limit, others)}.")
    return found


def _nearest(limit: Limit, lines: Sequence[Line]) -> str:
    best = min(lines, key=limit.excess)
    value = getattr(best, limit.column)
    if value is None:
        return f"{limit.column} is not known yet; run the attacks"
    side = "below" if limit.lowest else "above"
    return f"the nearest is {_name(best)} with {limit.column} {value:.4g}, {limit.excess(best):.4g} {side} it"


def _limit(limit: Limit) -> str:
    return f"{limit.option} ({limit.column} {'>=' if limit.lowest else '<='} {limit.value:.4g})"


def _name(line: Line) -> str:
    return line.split if line.defense == "undefended" else f"{line.split} with {line.defense}"
