"""The most memory that a cell takes, by the number of private images: it must not grow with them as they do.

Run: python performance/memory.py --data-dir DIR [--images 64 1024 10000] [--attacks ridge black_box:epochs=1]
"""

import argparse
import os
import subprocess
import sys
import tempfile

ATTACKS = ["mean_image", "ridge", "white_box:iterations=10,tv=0.01", "black_box:epochs=1"]
"""Few iterations: they decide how long it takes, not how much is held."""


def peak_mib(arguments: list[str]) -> int:
    """The most memory of a run, in MiB."""
    command = [sys.executable, "-m", "mia_bench.benchmark.cli", "run", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode and process.stderr is not None:
            sys.exit(process.stderr.read())
    return usage.ru_maxrss // 1024


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
                peaks.append(str(peak_mib([*what, *place, "--images", str(count), "--out", out])))
        print(f"| `{attack}` | {' | '.join(peaks)} |", flush=True)


if __name__ == "__main__":
    main()
