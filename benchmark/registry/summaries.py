"""The lines of ``mia-bench list``: all components of a kind, broken ones included."""

from __future__ import annotations

from ..errors import UsageError
from .descriptions import Summary, describe_source
from .entries import Kind, find, providers
from .inspection import inspected


def summaries(kind: Kind) -> list[Summary]:
    """Describe all components of one kind. A broken plug-in is described as broken and does not affect the others."""
    described = []
    for entries in providers(kind).values():
        for entry in entries:
            try:
                find(kind, entry.name)
                described.append(describe_source(entry) if entry.path else inspected(entry))
            except UsageError as error:
                described.append(Summary(entry, {}, "", broken=str(error)))
    return described
