"""The lines of a network with each split and defense, from its costs and from finished cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from ..evaluation.artifacts import Artifacts
from ..leaderboard.records import Record
from ..plan.references import REFERENCE_DEFENSE
from ..runner.resume import PlannedCell
from ..splits.expected import Spot
from ..splits.front import mark_pareto
from ..splits.lines import Deployment, Line, baselines
from ..splits.measured import join
from ..splits.structure import count_cuts, uploaded_bytes
from .previews import preview, spot_of

UPLOADED_IMAGES = 32
"""Private images whose mean size counts."""


class SplitTable:
    """The lines of a network in one deployment, with the costs counted once.

    Example:
        >>> SplitTable(planned, artifacts, deployment).lines([])  # doctest: +SKIP
    """

    def __init__(self, planned: Sequence[PlannedCell], artifacts: Artifacts, deployment: Deployment) -> None:
        """Count the costs of all settings.

        Args:
            planned: Cells of one dataset and one network, at least one.
            artifacts: Gives the network and the images.
            deployment: The device, the network and the server.
        """
        settings = list(dict.fromkeys(each.cell.setting for each in planned))
        first, self._deployment = settings[0], deployment
        self._every = count_cuts(
            artifacts.targets.structure(first.dataset, first.model), artifacts.facts(first.dataset).image_shape
        )
        wanted = {setting.split for setting in settings}
        self._cuts = [cut for cut in self._every if cut.split in wanted]
        self._cells: dict[Spot, list[str]] = {}
        for each in planned:
            self._cells.setdefault(spot_of(each.cell.setting), []).append(each.cell_id)
        self._down = self._every[-1].ir_bytes
        self._uploaded = uploaded_bytes(artifacts.pools(first.dataset).private.images[:UPLOADED_IMAGES])
        self._sent = preview(settings, artifacts)

    def lines(self, records: Sequence[Record]) -> list[Line]:
        """Return a line for each cut and defense between the baselines, in the order of the network."""
        by_cell = {each.row.cell_id: each for each in records}
        known = {"bytes_down": self._down, "sent": self._sent, "network": self._every}
        middle = join(self._cuts, self._cells, by_cell, self._deployment, **known)
        *cloud, here = baselines(self._every, self._deployment, uploaded=self._uploaded, bytes_down=self._down)
        details = [(record.row.seed, record.details) for record in records]
        exact = {seed: each["utility_undefended"] for seed, each in details if "utility_undefended" in each}
        if exact:  # the first way to send loses nothing, and the device runs the network as it is
            utility = mean(exact.values())  # one network for each seed
            estimate = next((line.utility_estimate for line in middle if line.defense == REFERENCE_DEFENSE), None)
            cloud[0] = replace(cloud[0], utility=utility, utility_estimate=estimate, psnr_db=100.0, ssim=1.0)
            here = replace(here, utility=utility, utility_estimate=estimate)
        return mark_pareto([*cloud, *middle, here])
