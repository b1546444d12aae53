"""Disk cache, atomic files, fingerprints, seeding and process start: nothing about attacks."""
