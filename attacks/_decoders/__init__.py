"""Decoders that are learned from queries: least squares and networks."""
