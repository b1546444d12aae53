"""The most memory that a cell takes, by the number of private images: it must not grow with them as they do.

Run: python performance/memory.py --data-dir DIR [--images 64 1024 10000] [--attacks ridge black_box:epochs=1]
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
    parser.add_argument("--data-dir")
    parser.add_argument("--defense", default="undefended")
    parser.add_argument("--images", type=int, nargs="*", default=[64, 1024, 10000])
    parser.add_argument("--attacks", nargs="*", default=ATTACKS)
    options = parser.parse_args()
    place = ["--data-dir", options.data_dir] if options.data_dir else []
    print(
        f"| MiB | {' | '.join(f'{count} images' for count in options.images)} |\n"
        + "|---" * (len(options.images) + 1)
        + "|"
    )
    for attack in options.attacks:
        peaks = []
        for count in options.images:
            with tempfile.TemporaryDirectory() as out:
                what = ["--dataset", options.dataset, "--defense", options.defense, "--attack", attack]
                peaks.append(str(command("run", *what, *place, "--images", str(count), "--out", out).peak_mib))
        print(f"| `{attack}` | {' | '.join(peaks)} |", flush=True)


if __name__ == "__main__":
    main()
