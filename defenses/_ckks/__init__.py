"""Encrypted inference under CKKS: parameters, compiler, client and server process."""
