"""The command line in this process, on small images."""

from pathlib import Path

from mia_bench.benchmark.cli import app
from typer.testing import CliRunner, Result

SMALL = ("--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "conv1", "--images", "4")


def mia_bench(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def run(tree: Path, out: Path, *words: str) -> Result:
    return mia_bench("run", *SMALL, "--data-dir", tree, "--out", out, *words)
