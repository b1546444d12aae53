"""Inversion by optimization: likelihoods, priors and the search for their weights."""
