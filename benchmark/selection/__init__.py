"""Every split of a network with every defense: what it costs and, as far as it is attacked, what it leaks."""
