"""The best line within limits, or the limit that cannot be met."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..utils.plurals import count_of
from .lines import CLOUD, DEVICE, Line


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

    def of(self, line: Line) -> float | None:
        """Return the value that is limited. None if it is unknown, as is the leak before all attacks are done."""
        return None if self.column == "identified" and not line.leak_known else getattr(line, self.column)

    def excess(self, line: Line) -> float:
        """Return by how much a line misses the limit: at most 0 if it meets it, infinite if the value is unknown."""
        value = self.of(line)
        if value is None:
            return math.inf
        return self.value - value if self.lowest else value - self.value


def choose_line(lines: Sequence[Line], limits: Sequence[Limit]) -> tuple[Line | None, str]:
    """Choose the line that leaks least among those that meet all limits.

    The leak is the share identified, then PSNR; ties are resolved by latency, then energy. A cut whose leak is unknown
    is chosen only if that of no cut is known, by its latency.

    Returns:
        The line and why it was chosen; None and which limit cannot be met, by how much, if there is none.

    Example:
        >>> lines = [Line(split="conv1", latency_ms_modelled=80.0), Line(split="fc1", latency_ms_modelled=130.0)]
        >>> choose_line(lines, [Limit("--max-latency", "latency_ms_modelled", 100.0)])[0].split
        'conv1'
    """
    able = [line for line in lines if all(limit.excess(line) <= 0 for limit in limits)]
    unknown = [line for line in lines if _is_open(line, limits)]
    note = f" {_count(len(unknown))} may meet them once all attacks are done. Run those that are missing or failed."
    if not able:
        return None, " ".join(_refused(lines, limits)) + (note if unknown else "")
    compared = [line for line in able if line.leak_known]
    if all(line.split in CLOUD for line in compared) and len(compared) < len(able):
        best = min(able, key=lambda line: (line.is_baseline, *_costs(line)))
        return best, f"{_name(best)} is the fastest of {_among(able, lines)}.{note}"
    best = min(compared, key=_order(compared))
    if len(able) == 1:
        why = f"{_name(best)} is the only one of {count_of(len(lines), 'line')} that meets all limits."
    else:
        why = f"{_name(best)} leaks least of {_among(able, lines)}.{_tie(best, compared)}"
    settled = best.split == DEVICE and len(able) > 1  # no other line leaks less than the device
    return best, why + (note if unknown and not settled else "")


def _is_open(line: Line, limits: Sequence[Limit]) -> bool:
    """Return whether a line may turn out to meet all limits when its attacks are done."""
    fits = all(limit.of(line) is None or limit.excess(line) <= 0 for limit in limits)
    return fits and not line.reason and not line.leak_known


def _count(number: int) -> str:
    return "One line" if number == 1 else f"{number} lines"


def _among(able: Sequence[Line], lines: Sequence[Line]) -> str:
    return f"the {len(able)} of {count_of(len(lines), 'line')} that meet all limits"


def _order(lines: Sequence[Line]) -> Callable[[Line], tuple[float, ...]]:
    """Return a key that orders lines by what they leak, then by what they cost."""
    shares = all(line.identified is not None for line in lines)

    def key(line: Line) -> tuple[float, ...]:
        leak = _or_infinite(0.0 if line.split == DEVICE else line.psnr_db)
        return (_or_infinite(line.identified) if shares else 0.0, leak, *_costs(line))

    return key


def _costs(line: Line) -> tuple[float, float]:
    return _or_infinite(line.latency_ms_modelled), _or_infinite(line.energy_mj_modelled)


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


def _tie(best: Line, lines: Sequence[Line]) -> str:
    """Return how a tie was resolved; nothing if there is none."""
    equal = [line for line in lines if (line.identified, line.psnr_db) == (best.identified, best.psnr_db)]
    return f" {len(equal)} lines leak equally little; it is the fastest of them." if len(equal) > 1 else ""


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
    value = limit.of(best)
    if value is None:
        return f"{limit.column} is not known of any of them"
    side = "below" if limit.lowest else "above"
    return f"the nearest is {_name(best)} with {limit.column} {value:.4g}, {limit.excess(best):.4g} {side} it"


def _limit(limit: Limit) -> str:
    return f"{limit.option} ({limit.column} {'>=' if limit.lowest else '<='} {limit.value:.4g})"


def _name(line: Line) -> str:
    return line.split if line.defense == "undefended" else f"{line.split} with {line.defense}"
