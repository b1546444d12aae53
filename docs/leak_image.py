"""Draw what an attack reconstructs from three photographs: the image of the README.

The photographs are those of scikit-image. The network and the attacker learn from crops of other photographs.

Example: python docs/leak_image.py docs/leak.jpg
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from skimage import data

PRIVATE = ("astronaut", "chelsea", "coffee")
"""Photographs that are attacked."""
OTHERS = ("rocket", "hubble_deep_field", "immunohistochemistry", "retina", "stereo_motorcycle")
"""Photographs of which the victim and the attacker have crops."""
SIZE = 128
"""Pixels a side."""
CROPS = 60
"""Crops of each of the other photographs."""
DEFENSES = {
    "undefended": "no defense",
    "dropout": "dropout of 60 %",
    "dp_ir:sigma=1.0": "noise, sigma 1",
    "tee": "encrypted (tee)",
}
"""Columns behind the private images, and their headings."""
HEADING, GAP = 22, 4
"""Pixels of the line of headings, and between images."""


def main(target: Path) -> None:
    """Write the image, with the commands that an ordinary user would give."""
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder) / "images")
        attack(Path(folder))
        draw(Path(folder) / "results", target)


def write_images(root: Path) -> None:
    """Write an image folder of two classes, dark and bright: crops for training, whole photographs for the test."""
    random = np.random.default_rng(0)
    for index, name in enumerate(OTHERS):
        loaded = getattr(data, name)()
        photo = Image.fromarray(loaded[0] if isinstance(loaded, tuple) else loaded)
        for crop in range(CROPS):
            side = int(random.integers(SIZE, min(photo.size) + 1))
            left, top = (int(random.integers(0, length - side + 1)) for length in photo.size)
            _save(photo.crop((left, top, left + side, top + side)), root / "train", f"{index}{crop:02}", 85)
    for name in PRIVATE:
        photo = Image.fromarray(getattr(data, name)())
        side = min(photo.size)
        left = (photo.width - side) // 2
        _save(photo.crop((left, 0, left + side, side)), root / "test", name, 105)


def _save(photo: Image.Image, folder: Path, name: str, threshold: int) -> None:
    photo = photo.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    place = folder / ("bright" if np.asarray(photo).mean() > threshold else "dark")
    place.mkdir(parents=True, exist_ok=True)
    photo.save(place / f"{name}.png")


def attack(folder: Path) -> None:
    """Attack the photographs behind each defense."""
    words = ["run", "--dataset", f"imagefolder:size={SIZE}", "--data-dir", str(folder / "images"), "--model", "resnet"]
    words += [
        "--split",
        "relu1",
        "--attack",
        "white_box",
        "--images",
        str(len(PRIVATE)),
        "--out",
        str(folder / "results"),
    ]
    for defense in DEFENSES:
        words += ["--defense", defense]
    subprocess.run([sys.executable, "-m", "mia_bench.benchmark.cli", *words], check=True)


def draw(results: Path, target: Path) -> None:
    """Put the private images and their reconstructions side by side, one photograph per row."""
    board = pd.read_csv(results / "leaderboard.csv")
    board = board[board["attack"] == "white_box"].set_index("defense")
    strips = {name: _strip(results, board.loc[name.partition(":")[0], "cell_id"]) for name in DEFENSES}
    first = next(iter(strips.values()))
    columns = [("private image", first[0])] + [(heading, strips[name][1]) for name, heading in DEFENSES.items()]
    step = SIZE + GAP
    sheet = Image.new("RGB", (len(columns) * step - GAP, HEADING + len(PRIVATE) * step - GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for x, (heading, images) in enumerate(columns):
        pen.text((x * step + SIZE // 2, HEADING // 2), heading, fill="black", font=font, anchor="mm")
        for y, image in enumerate(images):
            sheet.paste(image, (x * step, HEADING + y * step))
    sheet.save(target, quality=88)
    print(json.dumps({name: round(float(board.loc[name.partition(":")[0], "psnr_db"]), 1) for name in DEFENSES}))


def _strip(results: Path, cell: str) -> tuple[list[Image.Image], list[Image.Image]]:
    """Return the originals and the reconstructions of a cell."""
    strip = Image.open(next(results.glob(f"*/{cell}.png"))).convert("RGB")
    framed = SIZE + 4
    rows = [
        [
            strip.crop((x * framed + 2, y * framed + 2, (x + 1) * framed - 2, (y + 1) * framed - 2))
            for x in range(len(PRIVATE))
        ]
        for y in (0, 1)
    ]
    return rows[0], rows[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="JPEG file to write")
    main(parser.parse_args().target)
