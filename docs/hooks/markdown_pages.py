"""Markdown from data and from docstrings."""

import re
from collections.abc import Sequence

SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Example", "Examples")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table. Bars and angle brackets in cells are escaped."""
    lines = [header, ["---"] * len(header), *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def escaped(text: str) -> str:
    """Return text that is safe in a cell of a table. Code between backticks needs no escapes."""
    parts = text.replace("\n", " ").split("`")
    parts[::2] = [part.replace("|", "\\|").replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


def docstring(text: str) -> str:
    """Return a docstring in Google style as Markdown: a heading and a list for each section."""
    blocks = []
    for block in text.replace("``", "`").split("\n\n"):
        heading, _, body = block.partition("\n")
        if heading.rstrip(":") in SECTIONS and heading.endswith(":"):
            block = f"**{heading.rstrip(':')}**\n\n{_section(heading.rstrip(':'), body)}"
        blocks.append(block)
    return "\n\n".join(blocks)


def _section(name: str, body: str) -> str:
    lines = [line.removeprefix("    ") for line in body.splitlines()]
    if name in ("Example", "Examples") and any(line.startswith(">>>") for line in lines):
        return "```pycon\n" + "\n".join(lines) + "\n```"
    if name not in ("Args", "Attributes", "Raises"):
        return "\n".join(lines)
    return "\n".join(re.sub(r"^(\*{0,2}\w+)( \([^)]*\))?: ", r"- `\1`\2: ", line) for line in lines)
