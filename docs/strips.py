"""Draws the picture of the README from the results of a run.

Run: mia-bench run --defense dp_ir --sigma 1 --images 10 --out results/strips && python docs/strips.py results/strips
"""

import sys
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw

ATTACKS = ("white_box", "black_box", "ridge", "query_free")
LABEL_WIDTH = 210


def main(out: Path) -> None:
    """Write ``docs/strips.png``."""
    board = pd.read_csv(out / "leaderboard.csv").set_index(["defense", "attack"])
    wanted = [("undefended", attack) for attack in ATTACKS] + [("dp_ir", attack) for attack in ATTACKS]
    wanted.append(("undefended", "mean_image"))
    rows: list[tuple[str, Image.Image]] = []
    for cell in wanted:
        picture = Image.open(out / "pictures" / f"{board.loc[cell, 'cell_id']}.png")
        middle = picture.height // 2
        if not rows:
            rows.append(("private", picture.crop((0, 0, picture.width, middle))))
        label = f"{cell[0]}, {cell[1]}: {board.loc[cell, 'psnr_db']:.1f} dB"
        rows.append((label, picture.crop((0, middle, picture.width, picture.height))))
    height, width = rows[0][1].height, rows[0][1].width
    sheet = Image.new("RGB", (LABEL_WIDTH + width, height * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (label, picture) in enumerate(rows):
        draw.text((6, index * height + height // 2 - 6), label, fill="black")
        sheet.paste(picture, (LABEL_WIDTH, index * height))
    small = sheet.convert("P", palette=Image.Palette.ADAPTIVE, colors=128)
    small.save(Path(__file__).with_name("strips.png"), optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
