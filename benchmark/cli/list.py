"""Run ``mia-bench list``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ..registry import Kind
from ..registry.descriptions import Summary
from ..registry.summaries import summaries
from ..utils.texts import say
from .console import print_lines

NARROWEST_TABLE = 70
"""Columns of a terminal that suffice for a table; on narrower ones, each name is followed by a paragraph."""


def list_kinds(kinds: Sequence[str]) -> None:
    """Print one table for each kind."""
    for position, kind in enumerate(kinds):
        if len(kinds) > 1:
            say(f"{chr(10) if position else ''}{kind}")
        if kind == "suites":
            print_lines(["name", "description"], _suites(), named_by=1, broken_from=NARROWEST_TABLE)
            continue
        lines = [_line(summary) for summary in summaries(cast(Kind, kind))]
        header = ["name", _DETAIL[kind], "package", "description"]
        print_lines(header, lines, named_by=1, broken_from=NARROWEST_TABLE)


_DETAIL = {"attacks": "access", "defenses": "guarantee", "models": "", "datasets": "model / split"}


def _line(summary: Summary) -> list[str]:
    entry, facts = summary.entry, summary.facts
    match entry.kind:
        case "attacks":
            detail = facts.get("access", "")
        case "defenses":
            detail = facts.get("guarantee", "none")
        case "datasets":
            detail = " / ".join(facts.get(name, default) for name, default in (("model", "cnn6"), ("split", "relu22")))
        case _:
            detail = ""
    description = f"broken: {summary.broken}" if summary.broken else summary.line.replace("``", "`")
    if facts.get("holds_object") == "True":
        description += " Python only."
    return [entry.name, "" if summary.broken else detail, f"{entry.package} {entry.version}", description]


def _suites() -> list[list[str]]:
    from ..plan.built_in_suites import built_in, first_line

    return [[name, first_line(path)] for name, path in built_in().items()]
