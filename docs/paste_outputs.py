"""Paste the real output of the commands that the README and the documentation show.

A block that is pasted follows a marker, which readers do not see, and each of its commands begins with ``$``:

    <!-- pasted -->              the output of every command
    <!-- pasted: last output --> the output of the last command only
    <!-- pasted: from split -->  of each output, the part that begins with the first line that begins with "split "
    <!-- file: my_noise.py -->   not a command: the block is written to a file first

The commands of a page run in one empty folder. All pages share the cache of trained networks. Progress, which goes to
stderr, is not pasted.

Example: python docs/paste_outputs.py
Example: python docs/paste_outputs.py README.md docs/index.md
"""

import contextlib
import re
import shlex
import sys
import tempfile
from pathlib import Path

from mia_bench.benchmark.cli import app
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"<!-- (pasted(?:: last output|: from \S+)?|file: \S+) -->\n```(\w+)\n(.*?)```", flags=re.DOTALL)


def pages() -> list[Path]:
    """Return the pages that show outputs. The README is the first."""
    candidates = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path for path in candidates if "<!-- pasted" in path.read_text(encoding="utf-8")]


def refreshed(text: str, folder: Path) -> str:
    """Return a page with the outputs of today.

    Args:
        text: The page.
        folder: Folder in which its commands run.
    """
    with contextlib.chdir(folder):
        return MARKED.sub(_block, text)


def _block(match: re.Match[str]) -> str:
    kind, language, body = match.groups()
    if kind.startswith("file: "):
        Path(kind.removeprefix("file: ")).write_text(body, encoding="utf-8")
        return match.group()
    commands = re.findall(r"^\$ (.*)$", body, flags=re.MULTILINE)
    outputs = [_output(command) for command in commands]
    if kind == "pasted: last output":
        outputs[:-1] = [""] * (len(outputs) - 1)
    if kind.startswith("pasted: from "):
        outputs = [_part(output, kind.removeprefix("pasted: from ")) for output in outputs]
    shown = "".join(f"$ {command}\n{output}" for command, output in zip(commands, outputs, strict=True))
    return f"<!-- {kind} -->\n```{language}\n{shown}```"


def _part(output: str, word: str) -> str:
    """Return the lines of an output from the first one that begins with a word."""
    before, found, after = f"\n{output}".partition(f"\n{word} ")
    if not found:
        raise ValueError(f"Expected a line that begins with {word}, got {before!r}.")
    return f"{found[1:]}{after}"


def _output(command: str) -> str:
    result = CliRunner().invoke(app, shlex.split(command, comments=True)[1:])
    if result.exit_code:
        raise RuntimeError(f"{command} ends with exit code {result.exit_code}: {result.stderr}")
    return "\n".join(line.rstrip() for line in result.stdout.splitlines()) + "\n"


def main() -> None:
    """Refresh all pages."""
    chosen = [Path(name).resolve() for name in sys.argv[1:]]
    for page in chosen or pages():
        before = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(refreshed(before, prepared(page, Path(folder))), encoding="utf-8")
        print(f"Wrote {page.relative_to(ROOT)}", flush=True)


def prepared(page: Path, folder: Path) -> Path:
    """Return the folder, in which the run has been made that a page continues."""
    first = page.parent / "first-run.md"
    if page.name == "read-the-result.md":
        refreshed(first.read_text(encoding="utf-8"), folder)
    return folder


if __name__ == "__main__":
    main()
