"""Draw what attacks reconstructed in a run, one row per cell, as one small image.

Example:
mia-bench run --defense dp_ir --sigma 1 --images 10 --attack white_box --attack black_box --attack ridge \
    --attack query_free --out results/strips && python docs/strips.py results/strips docs/strips.png
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from mia_bench.benchmark.leaderboard.results_folder import strip_path
from mia_bench.benchmark.registry.labels import label
from mia_bench.benchmark.report.image_gallery import open_strip
from PIL import Image, ImageDraw

SHOWN = 10
"""Private images in a row, at most."""
HIGHEST = 64
"""Pixels that an image is high, at most."""
LETTER = 6
"""Pixels that a letter of the label takes."""


def main(results: Path, target: Path, where: dict[str, str]) -> None:
    """Write the image of those cells of a results folder that have the values ``where``."""
    board = pd.read_csv(results / "leaderboard.csv").set_index("cell_id", drop=False)
    board = board.loc[[cell for cell in json.loads((results / "plan.json").read_text()) if cell in board.index]]
    for column, value in where.items():
        board = board[board[column].astype(str) == value]
    rows = list(_rows(board[board["status"] == "done"], results))
    height, width = rows[0][1].height, max(row.width for _, row in rows)
    margin = LETTER * max(len(name) for name, _ in rows) + 12
    sheet = Image.new("RGB", (margin + width, height * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (name, row) in enumerate(rows):
        draw.text((6, index * height + height // 2 - 6), name, fill="black")
        sheet.paste(row, (margin, index * height))
    small = sheet.convert("P", palette=Image.Palette.ADAPTIVE, colors=128)
    small.save(target, optimize=True)


def _rows(board: pd.DataFrame, results: Path) -> Iterator[tuple[str, Image.Image]]:
    """Yield the originals, what each attack makes of them, and last the mean image, which is the same everywhere."""
    places = [column for column in ("dataset", "model", "split") if board[column].nunique() > 1]
    attacked = board[board["attack"] != "mean_image"]
    for index, row in enumerate(pd.concat([attacked, board[board["attack"] == "mean_image"][:1]]).to_dict("records")):
        originals, reconstructions = map(_smaller, open_strip(strip_path(results, row["cell_id"])))
        width = min(originals.width, SHOWN * originals.height)
        if not index:
            yield "private", originals.crop((0, 0, width, originals.height))
        names = [label(f"{kind}s", row[kind], json.loads(row[f"{kind}_params"])) for kind in ("defense", "attack")]
        place = [row[column] for column in places if row["attack"] != "mean_image"]
        shown = reconstructions.crop((0, 0, width, reconstructions.height))
        yield f"{', '.join([*place, *names])}: {row['psnr_db']:.1f} dB", shown


def _smaller(row: Image.Image) -> Image.Image:
    """Return a row of images that is at most ``HIGHEST`` pixels high."""
    if row.height <= HIGHEST:
        return row
    return row.resize((row.width * HIGHEST // row.height, HIGHEST), Image.Resampling.BOX)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="folder of a run")
    parser.add_argument("target", type=Path, help="PNG file to write")
    parser.add_argument("where", nargs="*", help="COLUMN=VALUE, to draw only some cells")
    given = parser.parse_args()
    main(given.results, given.target, dict(word.split("=", 1) for word in given.where))
