"""Architectures, one file each. A file ``my_net.py`` with a class ``MyNet`` provides the model ``my_net``."""
