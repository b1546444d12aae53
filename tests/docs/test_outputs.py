"""The outputs on the pages are what their commands print today, and the code of the README works."""

import importlib.util
import re
from itertools import zip_longest
from pathlib import Path
from types import ModuleType

import pytest
from mia_bench.benchmark.cli import app
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("paste_outputs", ROOT / "docs" / "paste_outputs.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


SCRIPT = load_script()


def without_times(text: str) -> str:
    """The text without what depends on the machine: seconds, and the cells of columns of times."""
    lines, span = [], None
    for line in re.sub(r"\d+(\.\d+)? (s|min|ms)\b", "TIME", text).splitlines():
        if found := re.search(r"attack_seconds\s*", line):
            span = found.span()
        elif not line.strip() or line.startswith(("$", "`")):
            span = None
        lines.append(line if span is None else line[: span[0]] + line[span[1] :])
    return "\n".join(lines)


def differences(stored: str, printed: str) -> list[str]:
    """Lines that differ in more than small numbers: training is not the same to the last bit on every machine."""
    found = []
    for old, new in zip_longest(without_times(stored).splitlines(), without_times(printed).splitlines(), fillvalue=""):
        words = [NUMBER.sub("#", re.sub(r"\s+", " ", line)) for line in (old, new)]
        numbers = zip(
            *([float(text.replace(",", "")) for text in NUMBER.findall(line)] for line in (old, new)), strict=False
        )
        if words[0] != words[1] or any(abs(a - b) > max(0.25, 0.1 * abs(a)) for a, b in numbers):
            found.append(f"stored:  {old}\nprinted: {new}")
    return found


@pytest.mark.parametrize(
    ("stored", "printed", "same"),
    [
        ("psnr 21.77 in 3.1 s", "psnr 21.70 in 9.0 s", True),
        ("psnr 21.77", "psnr 11.77", False),
        (
            "a  attack_seconds  status\n1  2.1000          done",
            "a  attack_seconds  status\n1  9.5000          done",
            True,
        ),
        ("Wrote results/leaderboard.csv", "Wrote results/board.csv", False),
        ("one line", "one line\nand another", False),
    ],
)
def test_outputs_may_differ_in_times_and_last_digits_only(stored: str, printed: str, same: bool) -> None:
    assert (differences(stored, printed) == []) == same


@pytest.mark.slow
def test_the_readme_shows_what_its_command_prints(tmp_path: Path) -> None:
    stored = README.read_text()

    assert "psnr_db" in stored
    assert differences(stored, SCRIPT.refreshed(stored, tmp_path)) == []


def test_a_part_of_an_output_begins_with_the_line_of_its_word() -> None:
    page = "<!-- pasted: from split -->\n```console\n$ mia-bench show lenet5\nold\n```"

    shown = SCRIPT.refreshed(page, ROOT).splitlines()

    assert [line.split()[0] for line in shown[2:5]] == ["$", "split", "conv1"]
    assert (shown[0], shown[-1]) == ("<!-- pasted: from split -->", "```")


def test_every_pasted_block_has_an_output() -> None:
    for page in SCRIPT.pages():
        for kind, _, body in SCRIPT.MARKED.findall(page.read_text()):
            assert kind.startswith("file") or not body.rstrip().splitlines()[-1].startswith("$"), page


def test_the_defense_of_the_readme_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"`my_noise\.py`:\n\n```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    (tmp_path / "my_noise.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    result = CliRunner().invoke(app, ["check", "my_noise:MyNoise"])

    assert result.exit_code == 0, result.stdout + result.stderr
    assert len([line for line in code.splitlines() if line.strip()]) <= 12


def test_the_readme_is_short() -> None:
    prose = re.sub(r"```.*?```", "", README.read_text(), flags=re.DOTALL)

    assert len(prose.split()) <= 600
