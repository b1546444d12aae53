"""Records and leaderboards: stored, loaded, ranked and audited."""
