"""``python -m mia_bench``, which does what the command ``mia-bench`` does."""

from .benchmark.cli import main

main()
