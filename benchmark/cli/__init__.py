"""The command line: one file for each command."""

from .typer_app import app, main

__all__ = ["app", "main"]
