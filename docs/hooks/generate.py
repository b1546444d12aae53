"""Write the reference pages from the code, and add the pages of ``results/``, whenever the documentation is built.

The pages in ``docs/reference/`` only say where to read the same: those who read the files, not the site, see them.
"""

import html
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from latex2mathml.converter import convert
from mia_bench.benchmark.registry import Kind
from mia_bench.benchmark.report.leaderboard_site import write_site
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from notebook_pages import notebook_pages
from reference_commands import commands_page
from reference_components import components_page, suites_page, suites_table
from reference_python import python_page
from reference_results import columns_page, flags_page

RESULTS = Path(__file__).parents[2] / "results"
LEADERBOARD = Path(__file__).parents[2] / "leaderboard"
TEMPLATES = Path(__file__).parents[2] / "benchmark" / "cli" / "templates"
REFERENCE: dict[str, Callable[[], str]] = {
    "commands": commands_page,
    **{kind: partial(components_page, kind) for kind in get_args(Kind)},
    "suites": suites_page,
    "columns": columns_page,
    "flags": flags_page,
    "python": python_page,
}
"""What writes each page of the reference, by the name of its file."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for name, content in notebook_pages().items():
        files.append(File.generated(config, f"notebooks/{name}.md", content=content))
    for path in sorted(RESULTS.rglob("*")):
        place = path.relative_to(RESULTS)
        if path.parent in (RESULTS, RESULTS / "papers", RESULTS / "reference") and path.suffix in (
            ".md",
            ".png",
            ".csv",
        ):
            files.append(File.generated(config, f"results/{place.as_posix()}", abs_src_path=str(path)))
    _add_leaderboard(files, config)
    return files


def _add_leaderboard(files: Files, config: MkDocsConfig) -> None:
    """Add the pages of the public leaderboard."""
    with TemporaryDirectory() as scratch:
        for path in write_site(LEADERBOARD, Path(scratch)):
            place = path.relative_to(scratch).as_posix()
            files.append(File.generated(config, f"leaderboard/{place}", content=path.read_bytes()))


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Write the reference, insert what a page asks for, and point links to files outside ``docs/`` into the site."""
    folder, _, name = page.file.src_uri.removesuffix(".md").rpartition("/")
    if folder == "reference":
        return REFERENCE[name]()
    markdown = markdown.replace("<!-- suites -->", suites_table())
    markdown = re.sub(r"<!-- template: ([\w/]+) -->", lambda match: _template(match[1]), markdown)
    up = "../" * page.file.src_uri.count("/")
    markdown = re.sub(rf"\]\({up}\.\./examples/([\w-]+)\.ipynb\)", rf"]({up}notebooks/\1.md)", markdown)
    return markdown.replace(f"]({up}../results/", f"]({up}results/").replace("](../docs/", "](../")


def on_page_content(content: str, **_: object) -> str:
    """Write the formulas of a page in MathML, which browsers draw without a script."""
    formula = r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>'
    return re.sub(formula, lambda match: _mathml(match[2], inline=match[1] == "span"), content, flags=re.DOTALL)


def _mathml(latex: str, *, inline: bool) -> str:
    return convert(html.unescape(latex).strip(), display="inline" if inline else "block")


def _template(kind: str) -> str:
    """Return the class that ``mia-bench new`` writes."""
    noun = kind.partition("/")[0]
    name = {"dataset": "data"}.get(noun, noun)
    code = (TEMPLATES / kind / "module.py").read_text(encoding="utf-8").replace("MyComponent", f"My{name.capitalize()}")
    return f"```python\n{code}```"
