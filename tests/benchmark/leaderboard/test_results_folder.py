"""The paths inside a results folder are written in one module."""

import re
from pathlib import Path

import mia_bench

NAMES = re.compile(r'"(plan\.json|cells|pictures|outdated|leaderboard\.csv|leaderboard\.schema\.json)["/]')


def test_no_other_module_builds_a_path_inside_a_results_folder() -> None:
    root = Path(str(mia_bench.__file__)).parent / "benchmark"
    modules = [path for path in root.rglob("*.py") if path.name != "results_folder.py"]

    found = [path.name for path in modules if re.search(r"/ " + NAMES.pattern, path.read_text(encoding="utf-8"))]

    assert found == []
