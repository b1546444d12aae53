"""The contract of each kind of component as checks, for ``mia-bench check`` and ``mia_bench.testing``."""
