"""Defenses, one file each. A file ``my_noise.py`` with a class ``MyNoise`` provides the defense ``my_noise``."""
