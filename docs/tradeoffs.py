"""Draw utility against what an attack recovers, as one small figure for each dataset of a leaderboard.

Example: python docs/tradeoffs.py results/reference/defenses.csv auto
"""

import argparse
from io import BytesIO
from pathlib import Path

import mia_bench
import pandas as pd
from PIL import Image


def main(path: Path, attack: str) -> None:
    """Write the figures beside the leaderboard."""
    board = pd.read_csv(path, low_memory=False)
    for dataset, rows in board[board["attack"].isin([attack, "mean_image"])].groupby("dataset"):
        figure = BytesIO()
        mia_bench.plot(rows).savefig(figure, format="png", dpi=150, bbox_inches="tight")
        with Image.open(figure) as drawn:
            small = drawn.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE)
        small.save(path.with_name(f"{path.stem}-{dataset}-tradeoff.png"), optimize=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    arguments.add_argument("path", type=Path, help="leaderboard")
    arguments.add_argument("attack", help="attack whose results are drawn")
    chosen = arguments.parse_args()
    main(chosen.path, chosen.attack)
