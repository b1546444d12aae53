"""Datasets, one file each; a file ``my_set.py`` holding class ``MySet`` provides ``my_set``."""
