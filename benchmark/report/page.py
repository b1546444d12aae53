"""One page that needs nothing but itself: the data, the pictures, the style and the script in one file."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict
from html import escape
from importlib.resources import files
from string import Template

from .content import Content
from .picture_album import Album

SCRIPTS = (
    "elements.js",
    "format.js",
    "axes.js",
    "marks.js",
    "tradeoff.js",
    "curves.js",
    "table.js",
    "leaderboard.js",
    "pictures.js",
    "details.js",
    "answer.js",
    "trust.js",
    "main.js",
)
"""The parts of the page's script, in the order in which they build on each other."""


def page(content: Content, album: Album, title: str) -> str:
    """Write the page as HTML.

    Nothing of the data can run or load anything: it is JSON whose ``<`` are escaped, the script puts it into the page
    as text only, and the page's own policy allows no other script and no request.
    """
    style = _asset("page.css")
    script = '"use strict";\n(() => {\n' + "\n".join(_asset(name) for name in SCRIPTS) + "\n})();"
    return Template(_asset("page.html")).substitute(
        title=escape(title),
        version=escape(content.version),
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        data=embed({**asdict(content), "album": asdict(album)}),
    )


def embed(value: object) -> str:
    """JSON that is safe inside of a ``script`` element.

    Raises:
        ValueError: if a number is not finite.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _asset(name: str) -> str:
    return files("mia_bench.benchmark.report").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
