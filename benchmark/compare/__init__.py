"""Compare two leaderboards cell by cell, with significance tests."""
