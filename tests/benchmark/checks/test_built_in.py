"""Every built-in component passes the checks that plug-ins are asked to pass."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mia_bench import testing
from mia_bench.benchmark import registry
from mia_bench.benchmark.interfaces import Component

from ...helpers.trees import image_tree

MAP = {"iterations": 20, "epochs": 1}
LIGHT: dict[str, dict[str, Any]] = {
    "white_box": {"iterations": 60},
    "encoder_decoder": {"epochs": 8},
    "auto_query_free": {"epochs": 1, "restarts": 1},
    "deep_prior": {"iterations": 150, "hourglass": 8},
    "unsplit": {"rounds": 10, "turn": 10},
    "map_dec": MAP,
    "map_pca": MAP,
    "map_tv": MAP,
    "ckks": {"mode": "interactive"},
}
"""Parameters that make a component quick."""
SLOW = {"auto", "auto_query_free", "deep_prior", "map_dec", "map_pca", "map_tv", "ridge_skip", "unsplit", "ckks"}


def components() -> Iterator[Any]:
    for kind in ("attacks", "defenses", "models"):
        for name in registry.names(kind):
            entry = registry.find(kind, name)
            if entry.package == registry.DISTRIBUTION:
                marks = [pytest.mark.slow] if name in SLOW else []
                yield pytest.param(entry.load()(**LIGHT.get(name, {})), id=name, marks=marks)


def faults(component: Component, data_dir: Path | None = None) -> list[str]:
    """What failed; the check of devices must not be skipped either."""
    found = testing.check(component, data_dir=data_dir)
    return [
        str(each)
        for each in found
        if each.status == "failed" or (each.status == "skipped" and each.name == "runs on a gpu")
    ]


@pytest.mark.parametrize("component", list(components()))
def test_a_built_in_passes_its_checks(component: Component) -> None:
    assert faults(component) == []


@pytest.mark.parametrize("name", ["photos", "imagefolder"])
def test_a_built_in_dataset_passes_its_checks(name: str, tmp_path: Path) -> None:
    params = {"size": 16} if name == "imagefolder" else {}
    data_dir = image_tree(tmp_path / "images") if name == "imagefolder" else None

    assert faults(registry.find("datasets", name).load()(**params), data_dir) == []
