"""Signs that a leaderboard cannot be trusted: one file for each kind of flag, named after it."""
