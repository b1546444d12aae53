"""Defenses, one file each; a file ``my_noise.py`` holding class ``MyNoise`` provides ``my_noise``."""
