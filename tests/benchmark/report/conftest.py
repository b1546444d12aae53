"""Fixtures of the tests in a browser."""

from .browser import driver, page, reader

__all__ = ["driver", "page", "reader"]
