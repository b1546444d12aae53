"""Lookup of components by name: entries, specs, labels and descriptions."""

from .entries import (
    DISTRIBUTION,
    KINDS,
    PACKAGE,
    Entry,
    Kind,
    camel_case,
    find,
    names,
    providers,
    suggestion,
)
from .loading import load

__all__ = [
    "DISTRIBUTION",
    "KINDS",
    "PACKAGE",
    "Entry",
    "Kind",
    "camel_case",
    "find",
    "load",
    "names",
    "providers",
    "suggestion",
]
