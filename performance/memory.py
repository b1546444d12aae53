"""The CPU seconds and the peak memory of a cell, by the number of private images, which memory must not grow with.

Run: python performance/memory.py --data-dir DIR [--images 64 1024 10000] [--attacks ridge black_box:epochs=1]
     python performance/memory.py --dataset photos:size=224 --model resnet --split stage2 --images 2 8 --attacks ridge
"""

import argparse
import tempfile

from usage import command

ATTACKS = ["mean_image", "ridge", "white_box:iterations=10,tv=0.01", "black_box:epochs=1"]
"""Few iterations: they decide how long it takes, not how much is held."""


def main() -> None:
    """Print a table, one line per attack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--model")
    parser.add_argument("--split")
    parser.add_argument("--data-dir")
    parser.add_argument("--defense", default="undefended")
    parser.add_argument("--images", type=int, nargs="*", default=[64, 1024, 10000])
    parser.add_argument("--attacks", nargs="*", default=ATTACKS)
    options = parser.parse_args()
    optional = {"--model": options.model, "--split": options.split, "--data-dir": options.data_dir}
    given = [word for pair in optional.items() if pair[1] for word in pair]
    print(
        f"| attack | {' | '.join(f'{count} images' for count in options.images)} |\n"
        + "|---" * (len(options.images) + 1)
        + "|"
    )
    for attack in options.attacks:
        cells = []
        for count in options.images:
            with tempfile.TemporaryDirectory() as out:
                what = ["--dataset", options.dataset, "--defense", options.defense, "--attack", attack]
                cells.append(str(command("run", *what, *given, "--images", str(count), "--out", out)))
        print(f"| `{attack}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
