"""Datasets, one file each. A file ``my_set.py`` with a class ``MySet`` provides the dataset ``my_set``."""
