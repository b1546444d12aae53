"""The harness: interfaces, registry, datasets, training, metrics, runner, leaderboard, command line."""
