"""The README and the pages say what is true: their commands run."""

import re
import shlex
from pathlib import Path

import pytest
from mia_bench.benchmark.cli import app
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
PAGES = sorted((*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "results/README.md"))
TOUR = [
    command
    for page in PAGES
    for command in re.findall(r"^mia-bench .*$", page.read_text(), flags=re.MULTILINE)
    if "my_noise" not in command or command.startswith("mia-bench new")  # test_new.py installs it, and runs the rest
]


def words_of(command: str, out: Path) -> list[str]:
    """The command's words without its comment, with everything that is written going to ``out``."""
    words = shlex.split(command, comments=True)[1:]
    if words[0] == "new":
        return [*words, "--out", str(out / "package")]
    return [
        str(out / word) if re.match(r"results(/(?!papers|reference)|$)|report.html", word) else word for word in words
    ]


def test_there_is_a_tour() -> None:
    assert len(TOUR) >= 8


@pytest.mark.parametrize("command", TOUR)
def test_every_command_of_the_tour_is_understood(command: str, tmp_path: Path) -> None:
    words = words_of(command, tmp_path)
    if "../shared/data" in command and not (ROOT.parent / "shared" / "data").exists():
        pytest.skip("the shared data are absent")
    if words[0] == "run":
        words += ["--dry-run", "--out", str(tmp_path / "results")]
    elif words[0] in ("rank", "compare", "audit", "report", "status"):
        made = [
            *["run", "--split", "conv1", "--attack", "mean_image", "--images", "4", "--out"],
            str(tmp_path / "results"),
        ]
        assert CliRunner().invoke(app, [*made, "--defense", "undefended"]).exit_code == 0

    result = CliRunner().invoke(app, words)

    assert result.exit_code == 0, result.stderr


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()

    for target in re.findall(r"^make (\w+)", readme, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
