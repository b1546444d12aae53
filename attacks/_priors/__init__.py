"""Priors that are learned from the attacker's images once, and kept on disk for all cells."""
