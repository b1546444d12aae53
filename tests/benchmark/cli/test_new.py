"""A plug-in from nothing: written, installed, tested, run."""

import importlib
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
from mia_bench.benchmark.registry import Entry, camel_case, entries
from mia_bench.testing import Lab, checks_of, outcomes

from ...helpers.commands import mia_bench
from ...helpers.trees import image_tree

NEED_A_PROCESS = {"rebuilt in a worker", "parameters change the result"}
NOUNS = ["attack", "defense", "model", "dataset"]


def python(*words: str | Path, folder: Path, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    paths = [str(site)] if site else []
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])},
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
    )


def install(packages: Sequence[Path], site: Path, folder: Path) -> None:
    """``pip install -e`` without a network, into a folder of its own."""
    words = ["--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    editable = [word for package in packages for word in ("-e", package)]
    done = python("pip", *words, "--target", site, *editable, folder=folder)
    assert done.returncode == 0, done.stderr
    (site / "sitecustomize.py").write_text(f"import site\nsite.addsitedir({str(site)!r})\n")  # reads the .pth files


@pytest.mark.slow
def test_new_packages_pass_their_own_tests_and_are_checked_and_run_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests of a package call the checks of ``mia-bench check``, which therefore runs on one package only."""
    packages, site = [tmp_path / f"mia-bench-fresh-{noun}" for noun in NOUNS], tmp_path / "site"
    monkeypatch.chdir(tmp_path)
    for noun in NOUNS:
        written = mia_bench("new", noun, f"fresh_{noun}")
        assert written.exit_code == 0, written.stderr
    install(packages, site, tmp_path)

    tested = python("pytest", "-q", "-p", "no:cacheprovider", *packages, folder=tmp_path)
    assert tested.returncode == 0, tested.stdout
    assert re.search(r"^\d\d+ passed", tested.stdout, re.MULTILINE), tested.stdout

    checked = python("mia_bench", "check", "fresh_model", folder=tmp_path, site=site)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 failed" in checked.stdout
    assert "model fresh_model (package mia-bench-fresh-model 0.1.0)" in checked.stdout

    small = ["--dataset", "imagefolder:size=16", "--data-dir", image_tree(tmp_path / "images"), "--model", "lenet5"]
    words = [*small, "--split", "conv1", "--images", "4", "--attack", "ridge", "--out", tmp_path / "results"]
    words += ["--defense", "fresh_defense", "--level", "0.25"]
    done = python("mia_bench", "run", *words, folder=tmp_path, site=site)
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "results" / "leaderboard.csv").read_text().splitlines()
    (row,) = [row for row in rows if ",fresh_defense," in row and ",ridge," in row]
    assert '""level"":0.25' in row
    assert "mia-bench-fresh-defense==0.1.0" in row


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noun", "template"), [(noun, template) for noun, names in new.TEMPLATES.items() for template in names]
)
def test_every_template_keeps_the_contract_and_its_own_test(
    noun: str, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"fresh_{template}_{noun}"
    written = mia_bench("new", noun, name, "--template", template, "--out", tmp_path / "there")
    assert written.exit_code == 0, written.stderr
    monkeypatch.syspath_prepend(tmp_path / "there")
    module = importlib.import_module(f"mia_bench_{name}")
    own = importlib.import_module(f"test_mia_bench_{name}")

    with Lab() as lab:
        checks = checks_of(getattr(module, camel_case(name))(), lab=lab)
        found = [str(each) for each in outcomes([check for check in checks if check.name not in NEED_A_PROCESS])]

    assert [line for line in found if line.startswith("failed")] == []
    for test, run in vars(own).items():
        if test.startswith("test_") and test != "test_it_keeps_the_contract":
            run()


@pytest.mark.parametrize(
    ("noun", "template", "sentence"),
    [
        ("attack", "noise", "Expected --template to be one of linear, decoder, inversion for an attack, got noise."),
        ("attack", "foo", "Expected --template to be one of linear, decoder, inversion for an attack, got foo."),
        ("defense", "decoder", "Expected --template to be one of noise, channel, trained for a defense, got decoder."),
        ("model", "linear", "Expected no --template for a model, got linear. Leave it out."),
    ],
)
def test_a_template_of_another_kind_is_refused(noun: str, template: str, sentence: str, tmp_path: Path) -> None:
    done = mia_bench("new", noun, "fresh_one", "--template", template, "--out", tmp_path / "there")

    assert done.exit_code == 2
    assert sentence in done.stderr
    assert not (tmp_path / "there").exists()


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
    with pytest.raises(UsageError, match="Expected a Python identifier in snake_case"):
        new.create("defense", name, tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_name_of_an_installed_component_is_refused_and_both_are_named(tmp_path: Path) -> None:
    sentence = "not in use, got 'ridge', which is the attack mia_bench.attacks.ridge:Ridge of package mia-bench"
    with pytest.raises(UsageError, match=sentence):
        new.create("defense", "ridge", tmp_path / "there")


def test_a_name_of_a_plug_in_is_refused_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = Entry("defenses", "mine", "theirs:Mine", "their-package", "2.0")
    monkeypatch.setattr(entries, "_plug_ins", lambda kind: [mine] if kind == "defenses" else [])

    with pytest.raises(UsageError, match=r"the defense theirs:Mine of package their-package 2\.0\."):
        new.create("defense", "mine", tmp_path / "there")


@pytest.mark.parametrize("name", ["channel", "defense", "noise", "tensor"])
def test_a_class_that_would_hide_an_import_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Expected a name whose class differs from"):
        new.create("defense", name, tmp_path / "there")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "README.md").write_text("mine")

    done = mia_bench("new", "defense", "fresh_one", "--out", tmp_path / "there")

    assert done.exit_code == 2
    assert "Expected a new or empty folder, got" in done.stderr
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["README.md"]
    assert (tmp_path / "there" / "README.md").read_text() == "mine"


FAULTY = '''
from mia_bench import Defense
class Faulty(Defense):
    """Does nothing."""
    def protect(self, model, train):
        return model
'''


def test_check_of_a_class_names_its_faults_and_exits_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(FAULTY)
    monkeypatch.chdir(tmp_path)

    done = mia_bench("check", "mine:Faulty")

    assert done.exit_code == 1, done.stderr
    failed = [line for line in done.stdout.splitlines() if line.startswith("failed")]
    assert len(failed) == 2
    assert failed[0].startswith("failed   docstring: The docstring has no line `Source: ...`")
    assert "Begin with model.copy()." in failed[1]


PARAMETER = '    part: float = Field(0.5, gt=0, description="a part")\n    def protect'


def test_check_gives_a_class_its_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kept.py").write_text(f"from pydantic import Field\n{FAULTY}".replace("    def protect", PARAMETER))
    monkeypatch.chdir(tmp_path)

    given, wrong = mia_bench("check", "kept:Faulty:part=0.25"), mia_bench("check", "kept:Faulty:part=-1")

    assert "ok       parameters are documented" in given.stdout.splitlines()
    assert wrong.exit_code == 2
    assert "part" in wrong.stderr


@pytest.mark.parametrize(("act", "how"), [("os._exit(0)", "exit code 0"), ("ctypes.string_at(0)", "killed by SIGSEGV")])
def test_a_component_that_ends_the_process_fails_the_check_that_it_ends(
    act: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deadly.py").write_text(f"import ctypes, os\n{FAULTY}".replace("return model", act))
    monkeypatch.chdir(tmp_path)

    done = mia_bench("check", "deadly:Faulty")

    assert done.exit_code == 1, done.stderr
    assert done.stdout.splitlines()[-1] == (
        f"failed   answers: The component ended the process ({how}), so the other checks were not carried out."
    )


def test_a_module_that_ends_the_process_cannot_be_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "exits.py").write_text("import os; os._exit(0)")
    monkeypatch.chdir(tmp_path)

    done = mia_bench("check", "exits:Defense")

    assert done.exit_code == 2
    assert "got exits:Defense, which ended the process (exit code 0)." in done.stderr


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("dp_irr", "Did you mean 'dp_ir'?"),
        ("nowhere:Nothing", "got nowhere:Nothing, which raised ModuleNotFoundError"),
        ("pathlib:Path", "Expected a subclass of Attack, Defense, Model, Dataset"),
        ("dp_ir:sigma=-1", "sigma=-1: input should be greater than or equal to 0"),
        ("imagefolder", "--data-dir"),
    ],
)
def test_check_of_what_cannot_be_made_exits_with_2_and_one_sentence(target: str, words: str) -> None:
    done = mia_bench("check", target)

    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
