"""The options of each command, grouped as in ``mia-bench --help``, and the call that carries it out."""
