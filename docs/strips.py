"""Draws what attacks rebuilt in a run, one row per cell, as one small picture.

The picture of the README:
mia-bench run --defense dp_ir --sigma 1 --images 10 --attack white_box --attack black_box --attack ridge \
    --attack query_free --out results/strips && python docs/strips.py results/strips docs/strips.png
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from mia_bench.benchmark.registry.labels import label
from PIL import Image, ImageDraw

SHOWN = 10
"""Private pictures in a row, at most."""
HIGHEST = 64
"""Pixels that a picture is high, at most."""
LETTER = 6
"""Pixels that a letter of the label takes."""


def main(results: Path, target: Path, where: dict[str, str]) -> None:
    """Write the picture of those cells of a results folder that have the values ``where``."""
    board = pd.read_csv(results / "leaderboard.csv").set_index("cell_id", drop=False)
    board = board.loc[[cell for cell in json.loads((results / "plan.json").read_text()) if cell in board.index]]
    for column, value in where.items():
        board = board[board[column].astype(str) == value]
    rows = list(_rows(board[board["status"] == "done"], results / "pictures"))
    height, width = rows[0][1].height, max(picture.width for _, picture in rows)
    margin = LETTER * max(len(name) for name, _ in rows) + 12
    sheet = Image.new("RGB", (margin + width, height * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (name, picture) in enumerate(rows):
        draw.text((6, index * height + height // 2 - 6), name, fill="black")
        sheet.paste(picture, (margin, index * height))
    small = sheet.convert("P", palette=Image.Palette.ADAPTIVE, colors=128)
    small.save(target, optimize=True)


def _rows(board: pd.DataFrame, pictures: Path) -> Iterator[tuple[str, Image.Image]]:
    """The originals, what each attack makes of them, and last the mean image, which is the same everywhere."""
    places = [column for column in ("dataset", "model", "split") if board[column].nunique() > 1]
    attacked = board[board["attack"] != "mean_image"]
    for index, row in enumerate(pd.concat([attacked, board[board["attack"] == "mean_image"][:1]]).to_dict("records")):
        picture = Image.open(pictures / f"{row['cell_id']}.png")
        if picture.height > 2 * HIGHEST:
            picture = picture.resize((picture.width * 2 * HIGHEST // picture.height, 2 * HIGHEST), Image.Resampling.BOX)
        half = picture.height // 2
        width = min(picture.width, SHOWN * half)
        if not index:
            yield "private", picture.crop((0, 0, width, half))
        names = [label(f"{kind}s", row[kind], json.loads(row[f"{kind}_params"])) for kind in ("defense", "attack")]
        place = [row[column] for column in places if row["attack"] != "mean_image"]
        yield f"{', '.join([*place, *names])}: {row['psnr_db']:.1f} dB", picture.crop((0, half, width, picture.height))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="folder of a run")
    parser.add_argument("target", type=Path, help="PNG file to write")
    parser.add_argument("where", nargs="*", help="COLUMN=VALUE, to draw only some cells")
    given = parser.parse_args()
    main(given.results, given.target, dict(word.split("=", 1) for word in given.where))
