"""The README and the pages say what is true: their commands run."""

import re
import shlex
from pathlib import Path

import pytest
from mia_bench.benchmark.cli import app
from typer.testing import CliRunner

from .helpers.trees import image_tree

ROOT = Path(__file__).parents[1]
PAGES = sorted((*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "results/README.md"))
SHOWN = {
    shlex.join(shlex.split(command, comments=True))
    for page in PAGES
    for command in re.findall(r"^mia-bench .*$", page.read_text(), flags=re.MULTILINE)
}
"""Every command of the pages, once and without its comment."""
TOUR = sorted(
    command
    for command in SHOWN
    if "my_noise" not in command or command.startswith("mia-bench new")  # test_new.py installs it, and runs the rest
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, session_cache: Path) -> Path:
    """A folder with the results of a small run."""
    folder = tmp_path_factory.mktemp("tour")
    made = ["run", "--dataset", "imagefolder:size=16", "--data-dir", str(image_tree(folder / "images"))]
    made += ["--model", "lenet5", "--split", "conv1", "--images", "4", "--defense", "undefended"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIA_BENCH_CACHE", str(session_cache))
        result = CliRunner().invoke(app, [*made, "--attack", "mean_image", "--out", str(folder / "results")])
    assert result.exit_code == 0, result.stderr
    return folder


def words_of(command: str, place: Path, out: Path) -> list[str]:
    """The words of a command, which reads results in ``place`` and writes to ``out``."""
    words = shlex.split(command)[1:]
    if words[0] == "run":
        return [*words, "--dry-run", "--out", str(out / "results")]
    if words[0] == "new":
        return [*words, "--out", str(out / "package")]
    there = [str(place / word) if re.match(r"results(/(?!papers|reference)|$)", word) else word for word in words]
    return [str(out / word) if word == "report.html" else word for word in there]


def test_the_pages_show_every_command() -> None:
    commands = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}

    assert {command.split()[1] for command in SHOWN} == commands


@pytest.mark.parametrize("command", TOUR)
def test_every_command_of_the_tour_is_understood(command: str, place: Path, tmp_path: Path) -> None:
    words = words_of(command, place, tmp_path)
    if "../shared/data" in command and not (ROOT.parent / "shared" / "data").exists():
        pytest.skip("the shared data are absent")

    result = CliRunner().invoke(app, words)

    assert result.exit_code == 0, result.stderr


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()

    for target in re.findall(r"^make (\w+)", readme, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
