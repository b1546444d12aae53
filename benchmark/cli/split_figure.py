"""Draw the lines of ``mia-bench splits``: leak against bytes, modelled latency and modelled energy."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from ..errors import UsageError
from ..plan.references import REFERENCE_DEFENSE
from ..report.figures import FORMATS, check_installed
from ..report.looks import INK, Look, looks
from ..splits.lines import CLOUD, DEVICE, Line
from ..utils.atomic_files import write_output
from .output_names import require_suffix

FIGURE_FORMATS = (".png", ".svg", ".pdf")
BASELINE = Look(*INK, mark=12)


def check_figure(path: Path) -> None:
    """Check that a figure can be drawn, before anything is computed.

    Raises:
        UsageError: If the name has another ending than those of ``FIGURE_FORMATS``, or matplotlib is missing.
    """
    require_suffix(path, FIGURE_FORMATS, "--figure")
    check_installed()


def draw_figure(lines: Sequence[Line], path: Path) -> None:
    """Draw lines whose leak is known, and mark the chosen one.

    Raises:
        UsageError: If no leak is known yet, or the file cannot be written.
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
        if line.psnr_db is not None and line.leak_known and line.split != CLOUD[0]  # 100 dB would squeeze all others
    ]
    if not points:
        raise UsageError(f"Expected finished cells for --figure {path}, got none. Run the attacks, without --dry-run.")
    with matplotlib.rc_context(cast(Any, STYLE)):
        target = BytesIO()
        suffix = path.suffix[1:]
        nothing_sent = any(line.chosen and line.split == DEVICE for line in lines)
        title = (
            "Chosen: everything on the device. It sends nothing, so these charts cannot show it."
            if nothing_sent
            else ""
        )
        figure = leak_and_costs(points, title=title)
        figure.savefig(target, format=suffix, dpi=200, bbox_inches="tight", **FORMATS.get(suffix, {}))
    write_output(path, target.getvalue())


def _costs(line: Line) -> dict[str, float]:
    sent = None if line.wire_kb is None else 1000 * line.wire_kb
    found = {"wire_bytes": sent, "latency_ms": line.latency_ms_modelled, "energy_mj": line.energy_mj_modelled}
    return {name: value for name, value in found.items() if value is not None}
