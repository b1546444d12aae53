"""Collect what the public leaderboard shows of a submission: one line per defense, and a few images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..leaderboard.columns import SCENARIO_COLUMNS
from ..leaderboard.submissions import Submission
from ..leaderboard.verdicts import Verdicts
from ..plan.local_inputs import is_local
from .content import ReportContent, Scenario
from .defenses import DefenseSummary
from .image_gallery import ImageGallery

LINE_COLUMNS = (
    "psnr_db",
    "ssim",
    "leak_db",
    "recognisable",
    "recognisable_mean_image",
    "utility",
    "utility_kept",
    "wire_bytes",
    "guarantee",
    "worst_attack",
    "attacks",
    "seeds",
    "incomplete",
    "flags",
)
"""Columns of a ranking that the leaderboard shows."""


@dataclass(frozen=True, kw_only=True)
class LeaderboardEntry:
    """What the leaderboard shows of one submission.

    Attributes:
        name: The name of its file, and of its page.
        title: The title that its authors gave it.
        paper: Address of a publication; empty if there is none.
        code: Address of the code; empty if there is none.
        versions: The versions of the software that computed the results.
        cells: Number of scored cells.
        verified: Number of cells that were computed again and reproduced; None if nobody verified the submission.
        sampled: Number of cells that were computed again.
        local: Number of cells that only the machine or the Python session that computed them can compute.
        verified_on: The day of the verification.
        lines: One line per defense, with its scenario.
        strips: Captions and PNG images in base64: private images, and reconstructions from them.

    Example:
        >>> from dataclasses import fields
        >>> [field.name for field in fields(LeaderboardEntry)][:2]
        ['name', 'title']
    """

    name: str
    title: str
    paper: str
    code: str
    versions: dict[str, list[str]]
    cells: int
    verified: int | None
    sampled: int
    local: int
    verified_on: str
    lines: list[dict[str, Any]]
    strips: list[tuple[str, str]]


def describe_entry(
    name: str, submission: Submission, verdicts: Verdicts | None, found: ReportContent, gallery: ImageGallery
) -> LeaderboardEntry:
    """Describe a submission by the content of its page.

    Args:
        name: The name of its file without the ending.
        submission: Its checked content.
        verdicts: The outcome of its verification, if there was one.
        found: The content of its page.
        gallery: The images of its page.
    """
    manifest = submission.manifest
    return LeaderboardEntry(
        name=name,
        title=manifest.title or name,
        paper=manifest.paper,
        code=manifest.code,
        versions=found.versions,
        cells=sum(
            cell["status"] == "done" for each in found.scenarios for setting in each.settings for cell in setting.cells
        ),
        verified=verdicts.reproduced if verdicts else None,
        sampled=len(verdicts.outcomes) if verdicts else 0,
        local=sum(is_local(row.model_dump()) for row in submission.rows),
        verified_on=verdicts.date if verdicts else "",
        lines=[_line(scenario, setting) for scenario in found.scenarios for setting in scenario.settings],
        strips=_strips(found.scenarios, gallery),
    )


def _line(scenario: Scenario, setting: DefenseSummary) -> dict[str, Any]:
    shown = {name: setting.line[name] for name in LINE_COLUMNS}
    names = {name: getattr(scenario, name) for name in (*SCENARIO_COLUMNS, "metric")}
    return {**names, "defense": setting.label, "undefended": setting.undefended, **shown}


def _strips(scenarios: Sequence[Scenario], gallery: ImageGallery) -> list[tuple[str, str]]:
    """Return the originals, and what leaks most and least, of the first scenario that has images."""
    for scenario in scenarios:
        shown = [(setting, cell) for setting in scenario.settings if (cell := _strongest(setting, gallery)) is not None]
        if shown:
            first = shown[0][1]["cell_id"]
            captions = {setting.label: cell["cell_id"] for setting, cell in (shown[-1], shown[0])}
            strips = [(label, gallery.strips[gallery.reconstructed[cell]]) for label, cell in captions.items()]
            return [("originals", gallery.strips[gallery.originals[first]]), *strips]
    return []


def _strongest(setting: DefenseSummary, gallery: ImageGallery) -> dict[str, Any] | None:
    there = [cell for cell in setting.cells if cell["cell_id"] in gallery.reconstructed and cell["psnr_db"] is not None]
    return max(there, key=lambda cell: cell["psnr_db"], default=None)


def as_data(entries: Sequence[LeaderboardEntry]) -> dict[str, Any]:
    """Return entries in types that JSON knows."""
    return {"entries": [asdict(entry) for entry in entries]}
