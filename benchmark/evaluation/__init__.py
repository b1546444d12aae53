"""One cell: protect, observe, attack and score."""
