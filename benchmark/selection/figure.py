"""Draw the lines of a table of splits: leak against bytes, modelled latency and modelled energy."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, cast

from ..plan.references import REFERENCE_DEFENSE
from ..report.figures import FORMATS
from ..report.looks import INK, Look, looks
from ..splits.lines import CLOUD, DEVICE, Line

BASELINE = Look(*INK, mark=12)


def drawing(lines: Sequence[Line], suffix: str) -> bytes | None:
    """Draw lines whose leak is known, and mark the chosen one.

    Args:
        lines: The lines of a table.
        suffix: The format of the file, such as ``png``.

    Returns:
        The contents of the file. None if no leak is known yet.
    """
    import matplotlib

    from ..report.figure_style import STYLE
    from ..report.split_figure import SplitPoint, leak_and_costs

    found_looks = looks(line.defense.partition(":")[0] for line in lines)
    points = [
        SplitPoint(
            series=line.split if line.is_baseline else line.defense,
            label="baselines" if line.is_baseline else line.defense,
            name=line.split if line.defense == REFERENCE_DEFENSE else "",
            look=BASELINE if line.is_baseline else found_looks[line.defense.partition(":")[0]],
            leak=line.psnr_db,
            costs=_costs(line),
            chosen=line.chosen,
        )
        for line in lines
        if line.psnr_db is not None and line.leak_known and line.split not in CLOUD  # 100 dB would squeeze all others
    ]
    if not points:
        return None
    with matplotlib.rc_context(cast(Any, STYLE)):
        target = BytesIO()
        nothing_sent = any(line.chosen and line.split == DEVICE for line in lines)
        title = (
            "Chosen: everything on the device. It sends nothing, so these charts cannot show it."
            if nothing_sent
            else ""
        )
        figure = leak_and_costs(points, title=title)
        figure.savefig(target, format=suffix, dpi=200, bbox_inches="tight", **FORMATS.get(suffix, {}))
    return target.getvalue()


def _costs(line: Line) -> dict[str, float]:
    sent = None if line.wire_kb is None else 1000 * line.wire_kb
    found = {"wire_bytes": sent, "latency_ms": line.latency_ms_modelled, "energy_mj": line.energy_mj_modelled}
    return {name: value for name, value in found.items() if value is not None}
