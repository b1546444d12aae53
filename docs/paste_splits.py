"""Compute the tables and draw the charts of ``results/splits.md`` by the commands that it shows, and paste them.

Each table follows a marker with its name; its command is the block of the page that begins with ``mia-bench splits``
and stands before it. All columns that the command prints are kept in ``results/reference/splits-NAME.csv``, from which
the table is pasted. Cells that are done in the results folder are not computed again. Without data, nothing is
computed, and the tables are pasted from these files.

Example: python docs/paste_splits.py --data-dir data --results build/splits
Example: python docs/paste_splits.py
"""

import argparse
import contextlib
import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from mia_bench.benchmark.cli import app
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
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


def compute(text: str, folder: Path, results: Path, only: list[str] | None = None) -> None:
    """Run the commands of the page, write what they print as CSV, and draw the charts.

    Args:
        text: The page.
        folder: Where the commands run; it has a folder ``data``.
        results: The folder of the results folders.
        only: Names of the tables; none computes all.
    """
    for _, command, name, _ in MARKED.findall(text):
        if only and name not in only:
            continue
        figure = REFERENCE / f"splits-{name}.png"
        words = [*shlex.split(command)[1:], "--format", "csv", "--out", str(results / name), "--figure", str(figure)]
        with contextlib.chdir(folder):
            result = CliRunner().invoke(app, words)
        if result.exit_code:
            raise RuntimeError(f"{command} ends with exit code {result.exit_code}: {result.stderr}")
        csv_of(name).write_text(result.stdout, encoding="utf-8")


def csv_of(name: str) -> Path:
    """Return the file of a table."""
    return REFERENCE / f"splits-{name}.csv"


def refreshed(text: str) -> str:
    """Return the page with the tables of the files. A table without a file stays as it is."""

    def block(match: re.Match[str]) -> str:
        file = csv_of(match[3])
        return f"{match[1]}\n{table(pd.read_csv(file))}\n" if file.exists() else match.group()

    return MARKED.sub(block, text)


def table(frame: pd.DataFrame) -> str:
    """Return lines of ``mia-bench splits`` as a table in Markdown."""
    rows = [[_text(name, line[name]) for name in COLUMNS] for line in frame.to_dict("records")]
    head = ["| " + " | ".join(COLUMNS.values()) + " |", "|---|---|" + "--:|" * (len(COLUMNS) - 2)]
    return "".join(f"{row}\n" for row in [*head, *("| " + " | ".join(row) + " |" for row in rows)])


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, str):
        return value
    return "" if pd.isna(value) else f"{value:.{PLACES.get(name, TWO)}f}"


def main() -> None:
    """Refresh the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="computes the tables; pastes them only if it is missing")
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "splits")
    parser.add_argument("--only", nargs="*", help="names of tables that are computed")
    words = parser.parse_args()
    if words.data_dir:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "data").symlink_to(words.data_dir.resolve())
            compute(PAGE.read_text("utf-8"), Path(folder), words.results.resolve(), words.only)
    PAGE.write_text(refreshed(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
