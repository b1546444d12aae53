"""Hostile and odd inputs: each gets one sentence or a right result, no traceback and no hang."""
