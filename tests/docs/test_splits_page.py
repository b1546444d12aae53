"""The tables of the page of splits are those of their files."""

import importlib.util
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
PAGE = """```sh
mia-bench splits --model lenet5
```

The target is trained.

<!-- splits mine -->

| split | old |
|---|---|

After.
"""


@pytest.fixture
def script() -> Any:
    spec = importlib.util.spec_from_file_location("paste_splits", ROOT / "docs" / "paste_splits.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_what_its_files_hold(script: Any) -> None:
    text = script.PAGE.read_text("utf-8")

    assert script.refreshed(text) == text, "Run python docs/paste_splits.py."


def test_a_table_is_pasted_from_its_file(script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = dict.fromkeys(script.COLUMNS) | {"split": "conv1", "psnr_db": 20.126, "utility": 0.9, "pareto": True}
    monkeypatch.setattr(script, "REFERENCE", tmp_path)
    assert script.refreshed(PAGE) == PAGE

    pd.DataFrame([line, line | {"split": "conv2", "pareto": False}]).to_csv(tmp_path / "splits-mine.csv", index=False)
    rows = script.refreshed(PAGE).splitlines()

    assert "| conv1 |  |  |  |  |  |  | 0.900 | 20.13 |  |  | yes |" in rows
    assert "| conv2 |  |  |  |  |  |  | 0.900 | 20.13 |  |  |  |" in rows
    assert rows[-1] == "After."
