"""Collect what the public leaderboard shows of a submission: one line per defense, and a few images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..leaderboard.columns import SCENARIO_COLUMNS
from ..leaderboard.submissions.reading import Submission
from ..leaderboard.verdicts import Outcome, Verdicts
from ..plan.local_inputs import is_local
from ..utils.plurals import count_of, fitting
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
        verification: What came of the cells that were computed again, in words.
        local: Number of cells that only the machine or the Python session that computed them can compute.
        lines: One line per defense, with its scenario, what came of its cells as ``verification``, and whether it
            is ``verified``: a cell of an attack was sampled, all sampled ones were reproduced up to rounding, and no
            cell of the submission differs.
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
    verification: str
    local: int
    lines: list[dict[str, Any]]
    strips: list[tuple[str, str]]


@dataclass(frozen=True)
class Check:
    """What is known of the cells of a submission beyond what its authors report.

    Attributes:
        verdicts: The outcome of its verification, if there was one.
        local: The finished cells that only the machine or the Python session that computed them can compute.

    Example:
        >>> Check(None, frozenset()).of({"0123456789abcdef"})
        'self-reported'
    """

    verdicts: Verdicts | None
    local: frozenset[str]

    def outcomes(self, cells: Collection[str]) -> Counter[Outcome]:
        """Count the outcomes of those cells that were sampled."""
        found = self.verdicts.outcomes if self.verdicts else {}
        return Counter(found[cell] for cell in cells if cell in found)

    def of(self, cells: Collection[str]) -> str:
        """Say what came of some finished cells."""
        found = self.outcomes(cells)
        if not found and cells and self.local.issuperset(cells):
            return "cannot be verified"
        if self.verdicts is None:
            return "self-reported"
        if not found:
            return "not sampled"
        total = count_of(found.total(), "sampled cell")
        words: dict[Outcome, str] = {
            "within chance": "within chance",
            "differs": fitting(found["differs"], "differs", "differ"),
            "not re-run": "not re-run",
        }
        others = [f"{found[outcome]} {told}" for outcome, told in words.items() if found[outcome]]
        return ", ".join([f"{found['verified']} of {total} reproduced on {self.verdicts.date}", *others])

    def verifies(self, cells: Collection[str], attacks: Collection[str]) -> bool:
        """Return whether sampled ones among some cells were all reproduced, and no cell of the submission differs.

        Args:
            cells: The cells.
            attacks: Those of them that are not of the mean image. One of them must have been sampled.
        """
        found = self.outcomes(cells)
        differs = self.verdicts is not None and "differs" in self.verdicts.outcomes.values()
        return found["verified"] == found.total() and self.outcomes(attacks).total() > 0 and not differs


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
    manifest, rows = submission.manifest, submission.rows
    done = {row.cell_id for row in rows if row.status == "done"}
    local = {row.cell_id for row in rows if is_local(row.model_dump())}
    check = Check(verdicts, frozenset(done & local))
    return LeaderboardEntry(
        name=name,
        title=manifest.title or name,
        paper=manifest.paper,
        code=manifest.code,
        versions=found.versions,
        cells=sum(
            cell["status"] == "done" for each in found.scenarios for setting in each.settings for cell in setting.cells
        ),
        verification=check.of(done),
        local=len(local),
        lines=[_line(scenario, setting, check) for scenario in found.scenarios for setting in scenario.settings],
        strips=_strips(found.scenarios, gallery),
    )


def _line(scenario: Scenario, setting: DefenseSummary, check: Check) -> dict[str, Any]:
    shown = {name: setting.line[name] for name in LINE_COLUMNS}
    names = {name: getattr(scenario, name) for name in (*SCENARIO_COLUMNS, "metric")}
    done = {cell["cell_id"] for cell in setting.cells if cell["status"] == "done"}
    attacks = {cell["cell_id"] for cell in setting.cells if not cell["reference"]}
    checked = {"verification": check.of(done), "verified": check.verifies(done, done & attacks)}
    return {**names, "defense": setting.label, "undefended": setting.undefended, **shown, **checked}


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
