"""Verification of reported results: a sample of their cells is computed again and compared."""
