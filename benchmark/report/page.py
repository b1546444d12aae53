"""Write a self-contained page: data, images, style and script in one file."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from importlib.resources import files
from string import Template

from ... import __version__
from ..utils.texts import one_line
from .content import ReportContent
from .image_gallery import ImageGallery

DEFAULT_TITLE = "Which defense keeps the images private?"
SCRIPTS = (
    "elements.js",
    "state.js",
    "format.js",
    "axes.js",
    "marks.js",
    "tradeoff.js",
    "curves.js",
    "costs.js",
    "table.js",
    "save.js",
    "leaderboard.js",
    "viewer.js",
    "images.js",
    "details.js",
    "answer.js",
    "trust.js",
    "overview.js",
    "address.js",
    "main.js",
)
"""The parts of the script of the page, in the order of their dependencies."""


def page(content: ReportContent, gallery: ImageGallery, title: str) -> str:
    """Return the page as HTML.

    The data cannot run or load anything: they are JSON with escaped ``<``, the script inserts them as text only, and
    the content security policy of the page allows no other script and no request.
    """
    return fill("page.html", SCRIPTS, title, {**asdict(content), "gallery": asdict(gallery)})


def fill(template: str, scripts: Sequence[str], title: str, data: Mapping[str, object]) -> str:
    """Return a page that shows data by scripts, and that can load nothing.

    Args:
        template: The asset with the body of the page and the end of the file.
        scripts: The assets with the parts of its script, in the order of their dependencies.
        title: The title of the page.
        data: What the scripts show, of types that JSON knows.

    Raises:
        ValueError: If a number in the data is not finite.
    """
    style = _asset("page.css")
    script = '"use strict";\n(() => {\n' + "\n".join(_asset(name) for name in scripts) + "\n})();"
    return Template(_asset("head.html") + _asset(template)).substitute(
        title=escape(one_line(title)),
        version=escape(__version__),
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        data=embed(data),
    )


def embed(value: object) -> str:
    r"""Return JSON that is safe within a ``script`` element.

    Raises:
        ValueError: If a number is not finite.

    Example:
        >>> print(embed("</script>"))
        "\u003c/script\u003e"
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _asset(name: str) -> str:
    return files("mia_bench.benchmark.report").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
