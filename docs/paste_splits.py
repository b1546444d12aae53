"""Paste the tables and draw the charts of ``results/splits.md`` by the commands that it shows.

Each table follows a marker with the name of a results folder; its command is the block of the page that begins with
``mia-bench splits`` and stands before it. Cells that are done in the results folder are not computed again.

Example: python docs/paste_splits.py --data-dir data --results build/splits
"""

import argparse
import contextlib
import json
import re
import shlex
import tempfile
from pathlib import Path

from mia_bench.benchmark.cli import app
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "results" / "splits.md"
MARKED = re.compile(
    r"(```sh\n(mia-bench splits [^\n]*)\n```.*?<!-- splits (\w+) -->\n)\n*((?:\|[^\n]*\n)*)\n*", re.DOTALL
)
COLUMNS = {
    "split": "split",
    "ir_shape": "IR",
    "client_param_kb": "client, kB",
    "client_mmacs": "client, MMAC",
    "wire_kb": "sent, kB",
    "latency_ms_modelled": "ms, modelled",
    "energy_mj_modelled": "mJ, modelled",
    "utility": "accuracy",
    "psnr_db": "PSNR, dB",
    "ssim": "SSIM",
    "identified": "identified",
    "pareto": "Pareto",
}
PLACES = {"client_param_kb": 1, "utility": 3, "ssim": 3, "identified": 3}
TWO = 2


def refreshed(text: str, folder: Path, results: Path, only: list[str] | None = None) -> str:
    """Return the page with the tables of today, and draw its charts.

    Args:
        text: The page.
        folder: Where the commands run; it has a folder ``data``.
        results: The folder of the results folders.
        only: Names of the tables to refresh; none refreshes all.
    """

    def block(match: re.Match[str]) -> str:
        before, command, name, _ = match.groups()
        if only and name not in only:
            return match.group()
        figure = ROOT / "results" / "reference" / f"splits-{name}.png"
        words = [*shlex.split(command)[1:], "--format", "json", "--out", str(results / name), "--figure", str(figure)]
        with contextlib.chdir(folder):
            result = CliRunner().invoke(app, words)
        if result.exit_code:
            raise RuntimeError(f"{command} ends with exit code {result.exit_code}: {result.stderr}")
        return f"{before}\n{table(json.loads(result.stdout))}\n"

    return MARKED.sub(block, text)


def table(lines: list[dict[str, object]]) -> str:
    """Return lines of ``mia-bench splits`` as a table in Markdown."""
    rows = [[_text(name, line[name]) for name in COLUMNS] for line in lines]
    head = ["| " + " | ".join(COLUMNS.values()) + " |", "|---|---|" + "--:|" * (len(COLUMNS) - 2)]
    return "".join(f"{row}\n" for row in [*head, *("| " + " | ".join(row) + " |" for row in rows)])


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:.{PLACES.get(name, TWO)}f}"


def main() -> None:
    """Refresh the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "splits")
    parser.add_argument("--only", nargs="*", help="names of tables")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").symlink_to(words.data_dir.resolve())
        text = refreshed(PAGE.read_text("utf-8"), Path(folder), words.results.resolve(), words.only)
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
