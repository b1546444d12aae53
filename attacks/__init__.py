"""Reconstruction attacks, one file each; a file ``my_attack.py`` holding class ``MyAttack`` provides ``my_attack``."""
