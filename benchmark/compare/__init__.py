"""What changed from one leaderboard to another, and whether it is more than chance."""
