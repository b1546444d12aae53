"""The harness: what is run, how, and what is kept."""
