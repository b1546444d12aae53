"""The help of every command, its examples, and shell completion."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mia_bench import __version__
from mia_bench.benchmark.cli import app
from mia_bench.benchmark.leaderboard.submissions.writing import write_submission
from typer.main import get_command
from typer.testing import CliRunner

from ...helpers.trees import image_tree

GROUP = get_command(app)
COMMANDS = GROUP.commands  # type: ignore[attr-defined]
MAX_MODULES = 600
"""Modules that such a command imports, at most, those of Python itself included; torch alone has more than 1,000."""
MAX_WORDS = 12


def mia_bench(*words: str, **environment: str) -> str:
    """What a command prints on a terminal of 80 columns."""
    result = CliRunner().invoke(app, list(words), env={"COLUMNS": "80", "TERMINAL_WIDTH": "80", **environment})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_help_of_a_command_fits_80_columns_and_has_a_short_form(name: str) -> None:
    words = [name] if name else []

    text = mia_bench(*words, "--help")

    assert text == mia_bench(*words, "-h")
    assert max(map(len, text.splitlines())) <= 80
    assert " mia-bench " in text


def test_the_place_of_what_is_written_has_one_short_option() -> None:
    options = [option.opts for command in COMMANDS.values() for option in command.params if "--out" in option.opts]

    assert len(options) >= 8
    assert all("-o" in names for names in options)


def test_commands_are_listed_in_groups() -> None:
    text = mia_bench("--help")

    panels = ("Run attacks", "Read results", "Choose a split", "Share results", "Find components", "Write components")
    places = [text.index(f" {panel} ") for panel in panels]
    assert places == sorted(places)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_texts_are_short_sentences_and_the_default_comes_last(name: str) -> None:
    command = COMMANDS[name]
    texts = {each.name: each.help for each in command.params if each.name != "help"}

    for where, text in {"summary": command.help.splitlines()[0], **texts}.items():
        assert text, where
        assert len(text.split()) <= MAX_WORDS, (where, text)
        assert text.endswith(".") and "`" not in text, (where, text)  # noqa: PT018
        assert "Defaults to" not in text or text.rpartition("Defaults to")[2].count(". ") == 0, (where, text)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rnak"], "No such command 'rnak'. Did you mean 'rank'? Run mia-bench --help to see how it is used."),
        (["rank"], "Missing argument 'CSV|DIR...'. Run mia-bench rank --help to see how it is used."),
        (["show", "dp_irr"], "got 'dp_irr'. Did you mean 'dp_ir'? Run mia-bench list to see all names."),
    ],
)
def test_a_command_that_cannot_be_read_is_answered_with_where_to_look(words: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, words, prog_name="mia-bench")

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_version_is_shown() -> None:
    assert mia_bench("--version") == f"mia-bench {__version__}\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, session_cache: Path) -> Path:
    """A folder with the results of a small run, as of several machines, and as a submission."""
    folder = tmp_path_factory.mktemp("examples")
    made = ["run", "--dataset", "imagefolder:size=16", "--data-dir", str(image_tree(folder / "images"))]
    made += ["--model", "lenet5", "--split", "conv1", "--images", "4", "--defense", "undefended"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIA_BENCH_CACHE", str(session_cache))
        result = CliRunner().invoke(app, [*made, "--attack", "mean_image", "--out", str(folder / "results")])
    assert result.exit_code == 0, result.stderr
    for copy in ("laptop", "server", "before", "after"):
        shutil.copytree(folder / "results", folder / copy)
    write_submission(folder / "results", folder / "submission.zip")
    return folder


EXAMPLES = [
    line.removeprefix("Example: ")
    for command in COMMANDS.values()
    for line in (command.epilog or "").split("\n\n")
    if line.startswith("Example: ")
]


def test_every_command_has_an_example() -> None:
    assert {shlex.split(example)[1] for example in EXAMPLES} == {*COMMANDS}


@pytest.mark.parametrize("example", [each for each in EXAMPLES if " check " not in each])  # test_check runs checks
def test_examples_run(
    example: str, place: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    program, *words = shlex.split(example)
    if words[0] == "export":  # of a network of the photographs
        request.getfixturevalue("brief")

    assert program == "mia-bench"
    mia_bench(*words, *(["--dry-run"] if words[0] == "run" and "--dry-run" not in words else []))


def complete(*words: str) -> list[str]:
    """What bash offers for the last of some words, computed where torch cannot be imported."""
    code = "import sys; sys.modules['torch'] = None; from mia_bench.benchmark.cli import main; main()"
    line = {"COMP_WORDS": shlex.join(["mia-bench", *words]), "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-c", code.replace("import main", "import main; sys.argv = ['mia-bench']")],
        env={**os.environ, **line, "_MIA_BENCH_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("run", "--attack", "ridge"), ["ridge", "ridge_skip"]),
        (("run", "--attack", "pinv,white"), ["pinv,white_box"]),
        (("run", "--defense", "dp_i"), ["dp_input", "dp_ir"]),
        (("splits", "--defense", "dp_i"), ["dp_input", "dp_ir"]),
        (("run", "--dataset", "phot"), ["photos"]),
        (("run", "--model", "lenet"), ["lenet5"]),
        (("run", "qui"), ["quick"]),
        (("show", "undef"), ["undefended"]),
        (("check", "mean_"), ["mean_image"]),
        (("ran",), ["rank"]),
    ],
)
def test_a_shell_completes_commands_names_and_suites(words: tuple[str, ...], expected: list[str]) -> None:
    assert complete(*words) == expected


def test_completion_can_be_installed() -> None:
    assert "--install-completion" in mia_bench("--help")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["list"]], ids=" ".join)
def test_a_command_that_computes_nothing_imports_little(words: list[str]) -> None:
    code = "import atexit, sys; atexit.register(lambda: print(len(sys.modules), file=sys.stderr)); "
    code += "from mia_bench.benchmark.cli import main; main()"

    done = subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, text=True)

    assert int(done.stderr) < MAX_MODULES  # performance/startup.py measures the time
