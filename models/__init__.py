"""Architectures, one file each; a file ``my_net.py`` holding class ``MyNet`` provides ``my_net``."""
