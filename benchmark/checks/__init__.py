"""Contract tests of components, for ``mia-bench check`` and ``mia_bench.testing``."""
