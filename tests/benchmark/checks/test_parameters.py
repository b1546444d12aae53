"""Other values of parameters, which the check of their effects tries."""

from datetime import date
from pathlib import Path

from mia_bench.benchmark.checks.parameters import alternatives
from mia_bench.benchmark.interfaces import Component


class Given(Component):
    layer: str = "none"
    file: Path | None = Path("weights.pt")
    day: date = date(2024, 1, 1)


def test_texts_are_tried_as_names_of_layers_but_not_as_paths_or_dates() -> None:
    given = Given()

    assert len(alternatives(given, "layer")) > 1
    assert alternatives(given, "file") == [None]
    assert alternatives(given, "day") == []
