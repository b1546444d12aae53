"""Draw what an attack reconstructs from photographs that a published network is given: the image of the README.

Example:
    mia-bench run real-networks --dataset whole_photos --out real-networks
    python docs/leak_image.py real-networks docs/images/leak.jpg
"""

import argparse
import json
from pathlib import Path

import pandas as pd
from mia_bench.benchmark.leaderboard.results_folder import strip_path
from mia_bench.benchmark.report.image_gallery import open_strip
from PIL import Image, ImageDraw, ImageFont

SIZE = 150
"""Pixels a side of an image."""
COLUMNS = {
    ("_blocks.1._swish", "undefended"): "first expansion",
    ("_blocks.2", "undefended"): "first sum",
    ("_blocks.4", "undefended"): "second sum",
    ("_blocks.1._swish", "dp_ir"): "noise, sigma 1",
    ("_blocks.1._swish", "tee"): "encrypted (tee)",
}
"""Split and defense of the columns behind the private images, and their headings."""
HEADING, GAP, FRAME = 22, 4, 2
"""Pixels of the line of headings, between images, and around an image in a strip."""


def main(results: Path, target: Path) -> None:
    """Put the private images and their reconstructions side by side, one photograph per row."""
    board = pd.read_csv(results / "leaderboard.csv")
    board = board[board["attack"] == "white_box"].set_index(["split", "defense"])
    strips = {place: _strip(results, board.loc[place, "cell_id"]) for place in COLUMNS}
    first = next(iter(strips.values()))
    columns = [("private image", first[0])] + [(heading, strips[place][1]) for place, heading in COLUMNS.items()]
    step, count = SIZE + GAP, len(first[0])
    sheet = Image.new("RGB", (len(columns) * step - GAP, HEADING + count * step - GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for x, (heading, images) in enumerate(columns):
        pen.text((x * step + SIZE // 2, HEADING // 2), heading, fill="black", font=font, anchor="mm")
        for y, image in enumerate(images):
            sheet.paste(image, (x * step, HEADING + y * step))
    sheet.save(target, quality=88)
    print(json.dumps({" ".join(place): round(float(board.loc[place, "psnr_db"]), 1) for place in COLUMNS}))


def _strip(results: Path, cell: str) -> tuple[list[Image.Image], list[Image.Image]]:
    """Return the originals and the reconstructions of a cell."""
    originals, reconstructions = open_strip(strip_path(results, cell))
    return _divided(originals), _divided(reconstructions)


def _divided(row: Image.Image) -> list[Image.Image]:
    """Return the square images of a row of a strip, in the size of the sheet."""
    side = row.height
    boxes = [(x + FRAME, FRAME, x + side - FRAME, side - FRAME) for x in range(0, row.width, side)]
    return [row.crop(box).resize((SIZE, SIZE), Image.Resampling.LANCZOS) for box in boxes]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results folder of the suite real-networks")
    parser.add_argument("target", type=Path, help="JPEG file to write")
    arguments = parser.parse_args()
    main(arguments.results, arguments.target)
