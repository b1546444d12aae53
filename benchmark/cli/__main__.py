"""``python -m mia_bench.benchmark.cli``."""

from .typer_app import main

main()
