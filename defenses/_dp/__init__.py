"""Differential privacy: accounting, clipping and noise."""
