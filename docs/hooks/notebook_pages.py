"""The notebooks of ``examples/`` as pages, with the outputs that they hold."""

import html
import json
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples"


def notebook_pages() -> dict[str, str]:
    """Return the page of each notebook in Markdown, by the name of its file."""
    return {path.stem: _page(path) for path in sorted(EXAMPLES.glob("*.ipynb"))}


def _page(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts += [text] if cell["cell_type"] == "markdown" else [f"```python\n{text}\n```", *_outputs(cell)]
    return "\n\n".join([*parts, f"This page is the notebook `examples/{path.name}`."]) + "\n"


def _outputs(cell: dict[str, Any]) -> list[str]:
    return [drawn for output in cell["outputs"] if (drawn := _output(output))]


def _output(output: dict[str, Any]) -> str:
    """Return an output as HTML: its richest form."""
    data = output.get("data", {})
    if "text/html" in data:
        table = " ".join("".join(data["text/html"]).split())
        return f'<div style="overflow-x: auto">{table}</div>'
    if "image/png" in data:
        return f'<div><img alt="figure" src="data:image/png;base64,{"".join(data["image/png"]).strip()}"></div>'
    text = "".join(data.get("text/plain", output.get("text", "")))
    return f"<pre>{html.escape(text)}</pre>" if text else ""
