"""Additive secret sharing in the ring of integers modulo 2^64."""
