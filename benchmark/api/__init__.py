"""The functions of ``mia_bench`` for notebooks and scripts: run, rank, plot and leak."""

from .leaks import Leak, leak
from .reading import plot, rank
from .result import Result
from .running import run

__all__ = ["Leak", "Result", "leak", "plot", "rank", "run"]
