"""A clone of the repository can have any name, also one that packages have."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = ("tests/conftest.py", "tests/benchmark/conftest.py", "tests/benchmark/utils/test_seeding.py")


def test_no_folder_of_tests_is_a_package() -> None:
    # The root is the package mia_bench. Below it, pytest would name packages after the folder of the clone.
    assert [*(ROOT / "tests").rglob("__init__.py")] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tests", "mia_bench", "numpy"])
def test_the_tests_run_in_a_clone_of_this_name(name: str, tmp_path: Path) -> None:
    clone = tmp_path / name
    shutil.copytree(ROOT / "tests" / "helpers", clone / "tests" / "helpers")
    for file in ("pyproject.toml", "__init__.py", *SMALL):
        (clone / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, clone / file)

    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", SMALL[-1]]
    done = subprocess.run(words, cwd=clone, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
