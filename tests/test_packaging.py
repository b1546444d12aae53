"""The wheel, and a real third-party package beside it."""

import os
import random
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from types import ModuleType

import mia_bench
import pytest

from .helpers.trees import image_tree

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
ASSETS = ("benchmark/report/assets", "*/templates/README.md")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def call(*words: object, **settings: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        list(map(str, words)), text=True, capture_output=True, check=False, cwd="/", env={**os.environ, **settings}
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done


@pytest.fixture(scope="module")
def with_plug_in(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of site packages that holds the example, beside this environment's own."""
    site = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source") / "mia-bench-dither"
    call("cp", "-r", ROOT / "examples" / "mia-bench-dither", source)
    call(*PIP, "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", site, source)
    return str(site)


def test_the_example_plug_in_is_listed_with_its_package(with_plug_in: str) -> None:
    listed = call(sys.executable, "-m", "mia_bench", "list", "defenses", PYTHONPATH=with_plug_in).stdout

    (line,) = [line for line in listed.splitlines() if line.startswith("dither ")]
    assert "mia-bench-dither 0.3.0" in line
    assert "Round the dithered IR" in line


def test_the_example_plug_in_runs_by_name_with_its_own_option(with_plug_in: str, tmp_path: Path) -> None:
    words = ["--dataset", "imagefolder:size=16", "--data-dir", image_tree(tmp_path / "images"), "--model", "lenet5"]
    words += ["--split", "conv1", "--images", "4", "--attack", "ridge", "--defense", "dither", "--step", "0.25"]
    words += ["--jobs", "2", "--out", tmp_path / "results"]

    call(sys.executable, "-m", "mia_bench", "run", *words, PYTHONPATH=with_plug_in)

    (row,) = [
        line
        for line in (tmp_path / "results" / "leaderboard.csv").read_text().splitlines()
        if ",dither," in line and ",ridge," in line
    ]
    assert '""step"":0.25' in row
    assert "mia-bench-dither==0.3.0" in row
    assert ",done," in row


def test_the_wheel_holds_every_module_suite_and_asset_and_no_test(tmp_path: Path) -> None:
    source = tmp_path / "mia-bench"  # a build in the checkout would leave a build folder there
    tracked = call(
        "git",
        "-C",
        ROOT,
        "ls-files",
        "*.py",
        "*.toml",
        "benchmark/report/assets",
        "README.md",
        "*/templates/README.md",
        "LICENSE",
    ).stdout.split()
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    call(*PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, source)

    (wheel,) = tmp_path.glob("*.whl")
    packed = {
        name.removeprefix("mia_bench/") for name in zipfile.ZipFile(wheel).namelist() if name.startswith("mia_bench/")
    }
    outside = ("tests/", "examples/", "performance/", "docs/", "pyproject.toml", "README.md", "LICENSE")
    assert packed == {name for name in tracked if not name.startswith(outside)}


def test_loading_a_public_name_leaves_the_random_numbers_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_and_draw(*names: str) -> ModuleType:
        random.random()
        return import_module(*names)

    monkeypatch.setattr(mia_bench, "import_module", import_and_draw)
    before = random.getstate()

    mia_bench.__getattr__("run")

    assert random.getstate() == before


def test_help_and_list_answer_without_heavy_imports() -> None:
    for words in (["--help"], ["list"]):
        code = f"""
import sys
from mia_bench.benchmark.cli import app
sys.argv = ["mia-bench", *{words}]
try:
    app()
finally:
    print(sorted({{"torch", "pandas", "scipy", "skimage"}} & set(sys.modules)))
"""
        assert call(sys.executable, "-c", code).stdout.splitlines()[-1] == "[]"
