"""Paste the tables of the pages of results from their leaderboards.

A table follows a marker in TOML, which readers do not see:

    <!-- table
    board = "reference/he2021.csv"
    where = { dataset = "mnist" }
    rows = ["split", "defense"]
    show = "{psnr_db:.1f} ({ssim:.2f}, {identified:.2f})"
    columns.accuracy = { show = "{accuracy:.1%}" }
    columns.auto = { where = { attack = "auto" } }
    -->

``rows`` names the columns of the leaderboard that identify a row of the table, and ``columns`` lists the others, each
with the cells it shows. Components are written as on the command line, ``dp_ir:sigma=0.4``; ``attack_name`` is an
attack without its parameters. Numbers of several cells are averaged, except for versions, which are a range. ``board``
may be a list, whose rows the column ``board`` tells apart. Rows keep their order on the page, and new ones are added at
the end.

Example: python docs/paste_tables.py
Example: python docs/paste_tables.py results/he2021.md
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
from mia_bench.benchmark.registry.labels import label

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"(<!-- table\n(.*?)-->\n)\n?((?:\|[^\n]*\n)*)", flags=re.DOTALL)
COMPONENTS = ("board", "dataset", "model", "defense", "attack")
FIELD = re.compile(r"\{(\w+)")


def pages() -> list[Path]:
    """Return the pages with tables."""
    return [path for path in sorted((ROOT / "results").glob("*.md")) if "<!-- table\n" in path.read_text("utf-8")]


def refreshed(text: str, folder: Path) -> str:
    """Return a page with the tables of the present leaderboards.

    Args:
        text: The page.
        folder: Folder to which the paths of leaderboards are relative.

    Raises:
        ValueError: If a column shows nothing in any row.
    """
    return MARKED.sub(lambda match: f"{match[1]}\n{_table(tomllib.loads(match[2]), match[3], folder)}", text)


def _table(wanted: dict[str, Any], present: str, folder: Path) -> str:
    names = [wanted["board"]] if isinstance(wanted["board"], str) else wanted["board"]
    board = _chosen(pd.concat([_read(folder / name) for name in names]), wanted.get("where", {}))
    marks = ["`" if name in COMPONENTS else "" for name in wanted["rows"]]
    rows = {
        key: [f"{mark}{cell}{mark}" for mark, cell in zip(marks, key, strict=True)]
        for key in _ordered(board, wanted["rows"], present)
    }
    for header, column in wanted["columns"].items():
        cells = _cells(board, column, wanted)
        if not any(cells.values()):
            raise ValueError(f"Expected cells in the column {header!r} of {wanted['board']}, got none.")
        for key, row in rows.items():
            row.append(cells.get(key, ""))
    headers = [*wanted["rows"], *wanted["columns"]]
    lines = [headers, ["---"] * len(headers), *rows.values()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _read(path: Path) -> pd.DataFrame:
    """Read the finished cells of a leaderboard, with components as they are written on the command line."""
    board = pd.read_csv(path, low_memory=False)
    board = board[board["status"] == "done"].copy()
    board["board"], board["attack_name"] = path.stem, board["attack"]
    for kind in ("defense", "attack"):
        board[kind] = [
            label(f"{kind}s", name, json.loads(params))  # pyright: ignore[reportArgumentType]
            for name, params in zip(board[kind], board[f"{kind}_params"], strict=True)
        ]
    return board


def _chosen(board: pd.DataFrame, where: dict[str, str | list[str]]) -> pd.DataFrame:
    """Return the rows that have the given value, or one of several, in each of these columns."""
    for column, values in where.items():
        board = board[board[column].astype(str).isin([values] if isinstance(values, str) else values)]
    return board


def _ordered(board: pd.DataFrame, names: list[str], present: str) -> list[tuple[str, ...]]:
    """Return the keys of the rows: first those on the page, in their order there."""
    shown = [
        tuple(cell.strip(" `") for cell in line.strip("|\n").split("|")[: len(names)]) for line in present.splitlines()
    ]
    keys = list(dict.fromkeys(tuple(map(str, key)) for key in board[names].itertuples(index=False, name=None)))
    return sorted(keys, key=lambda key: shown.index(key) if key in shown else len(shown))


def _cells(board: pd.DataFrame, column: dict[str, Any], wanted: dict[str, Any]) -> dict[tuple[str, ...], str]:
    """Return the text of a column by the key of its row."""
    template, names = column.get("show", wanted.get("show")), wanted["rows"]
    fields = FIELD.findall(template)
    found = {}
    for key, group in _chosen(board, column.get("where", {})).groupby(names, sort=False):
        values = {field: _together(group[field]) for field in fields}
        empty = any(pd.isna(value) for value in values.values())
        found[tuple(map(str, key))] = "" if empty else template.format(**values).replace("%", " %")  # pyright: ignore[reportArgumentType]
    return found


def _together(values: pd.Series) -> object:
    """Return the mean of numbers, the range of versions, or the first text."""
    if values.name == "attack_version":
        return " to ".join(f"{version:.0f}" for version in dict.fromkeys((values.min(), values.max())))
    return values.mean() if values.dtype.kind in "fi" else values.iloc[0]


def main() -> None:
    """Refresh all pages, or those that are given."""
    for page in [Path(name).resolve() for name in sys.argv[1:]] or pages():
        page.write_text(refreshed(page.read_text("utf-8"), page.parent), encoding="utf-8")
        print(f"Wrote {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
