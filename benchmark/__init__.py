"""The benchmark: interfaces, components, runs, scores and reports."""
