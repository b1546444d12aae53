"""A plug-in from nothing: written, installed, checked, run."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from mia_bench.benchmark.cli import new
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.registry import Entry, entries

from ...helpers.trees import image_tree

NOUNS = ["attack", "defense", "model", "dataset"]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def mia_bench(*words: object, site: Path | None = None, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    paths = [str(site)] if site else []
    return subprocess.run(
        [sys.executable, "-m", "mia_bench.benchmark.cli", *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])},
        cwd=folder or "/",
        text=True,
        capture_output=True,
        check=False,
    )


def install(packages: Sequence[Path], site: Path) -> None:
    """``pip install -e`` without a network, into a folder of its own."""
    words = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", site]
    words += [word for package in packages for word in ("-e", package)]
    done = subprocess.run([*PIP, *map(str, words)], text=True, capture_output=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    (site / "sitecustomize.py").write_text(f"import site\nsite.addsitedir({str(site)!r})\n")  # reads the .pth files


def test_new_packages_pass_check_and_their_own_tests_and_run(tmp_path: Path) -> None:
    packages, site = [tmp_path / f"mia-bench-fresh-{noun}" for noun in NOUNS], tmp_path / "site"
    for noun in NOUNS:
        written = mia_bench("new", noun, f"fresh_{noun}", folder=tmp_path)
        assert written.returncode == 0, written.stderr
    install(packages, site)

    for noun in NOUNS:
        checked = mia_bench("check", f"fresh_{noun}", site=site)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "0 failed" in checked.stdout
        assert f"{noun} fresh_{noun} (package mia-bench-fresh-{noun} 0.1.0)" in checked.stdout

    words = ["-q", "-p", "no:cacheprovider", *map(str, packages)]
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert tested.returncode == 0, tested.stdout
    assert re.search(r"^[4-9] passed|^\d\d+ passed", tested.stdout, re.MULTILINE), tested.stdout


def test_a_new_defense_gives_a_row_of_the_leaderboard(tmp_path: Path) -> None:
    package, site = tmp_path / "mia-bench-fresh-one", tmp_path / "site"
    new.create("defense", "fresh_one", package)
    install([package], site)

    small = ["--dataset", "imagefolder:size=16", "--data-dir", image_tree(tmp_path / "images"), "--model", "lenet5"]
    words = [*small, "--split", "conv1", "--images", 4, "--attack", "ridge", "--out", tmp_path / "results"]
    done = mia_bench("run", *words, "--defense", "fresh_one", "--level", 0.25, site=site)

    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "results" / "leaderboard.csv").read_text().splitlines()
    (row,) = [row for row in rows if ",fresh_one," in row and ",ridge," in row]
    assert '""level"":0.25' in row
    assert "mia-bench-fresh-one==0.1.0" in row


@pytest.mark.parametrize("noun", NOUNS)
def test_nothing_of_the_skeleton_is_left(noun: str) -> None:
    files = new.files(noun, "two_words")
    text = "\n".join([*files, *files.values()])

    assert not any(word in text for word in ("MyComponent", "my_component", "my-component"))
    assert "NOUN" not in text
    assert "EXAMPLE" not in text
    declared = tomllib.loads(files["pyproject.toml"])["project"]
    assert declared["name"] == "mia-bench-two-words"
    assert declared["entry-points"][f"mia_bench.{noun}s"] == {"two_words": "mia_bench_two_words:TwoWords"}
    assert "class TwoWords(" in files["mia_bench_two_words.py"]


@pytest.mark.parametrize(
    "name", ["class", "None", "MyNoise", "my-noise", "1st", "a b", "../x", "_x", "x_", "é", "x;y", ""]
)
def test_a_name_that_is_no_identifier_in_snake_case_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a component; expected a Python identifier"):
        new.create("defense", name, tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_name_of_an_installed_component_is_refused_and_both_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be called .ridge.: there is the attack .ridge. of package"):
        new.create("defense", "ridge", tmp_path / "there")


def test_a_name_of_a_plug_in_is_refused_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = Entry("defenses", "mine", "theirs:Mine", "their-package", "2.0")
    monkeypatch.setattr(entries, "_plug_ins", lambda kind: [mine] if kind == "defenses" else [])

    with pytest.raises(UsageError, match=r"package their-package 2\.0 \(theirs:Mine\)"):
        new.create("defense", "mine", tmp_path / "there")


@pytest.mark.parametrize("name", ["channel", "defense", "noise", "tensor"])
def test_a_class_that_would_hide_an_import_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="its class would be"):
        new.create("defense", name, tmp_path / "there")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "README.md").write_text("mine")

    done = mia_bench("new", "defense", "fresh_one", "--out", tmp_path / "there")

    assert done.returncode == 2
    assert "exists and is not an empty folder; nothing was written" in done.stderr
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["README.md"]
    assert (tmp_path / "there" / "README.md").read_text() == "mine"


FAULTY = '''
from mia_bench import Defense
class Faulty(Defense):
    """Does nothing."""
    def protect(self, model, train):
        return model
'''


def test_check_of_a_class_names_its_faults_and_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FAULTY)

    done = mia_bench("check", "mine:Faulty", folder=tmp_path)

    assert done.returncode == 1, done.stderr
    failed = [line for line in done.stdout.splitlines() if line.startswith("failed")]
    assert len(failed) == 2
    assert failed[0].startswith("failed   docstring: it has no line `Source: ...`")
    assert "begin with model.copy()" in failed[1]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("dp_irr", "did you mean 'dp_ir'"),
        ("nowhere:Nothing", "nowhere:Nothing cannot be imported: ModuleNotFoundError"),
        ("pathlib:Path", "expected a subclass of Attack, Defense, Model, Dataset"),
        ("dp_ir:sigma=-1", "sigma=-1: input should be greater than or equal to 0"),
        ("imagefolder", "--data-dir"),
    ],
)
def test_check_of_what_cannot_be_made_exits_with_2_and_one_sentence(target: str, words: str) -> None:
    done = mia_bench("check", target)

    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
