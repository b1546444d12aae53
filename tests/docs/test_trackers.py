"""The page on experiment trackers: its code runs, with each tracker that is installed."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import mia_bench
import pytest
import torch

from ..benchmark.api.test_result import IMAGES, network

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "experiment-trackers.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
NEEDED = ("tensorboard", "mlflow", "wandb")


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mia_bench.Result:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "mlruns"))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return mia_bench.run(model=network(), split="1", dataset=IMAGES, attacks="ridge", defenses="undefended", quiet=True)


@pytest.mark.parametrize(("number", "package"), [*enumerate(NEEDED)])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_code_of_a_tracker_runs(
    number: int, package: str, result: mia_bench.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    monkeypatch.setattr(mia_bench, "run", lambda **_: result)
    known: dict[str, Any] = {}
    start = BLOCKS[0].partition("for cell in")[0].replace("from torch.utils.tensorboard import SummaryWriter\n", "")

    exec(start, known)
    exec(BLOCKS[number], known)

    written = [path.name for path in tmp_path.rglob("*") if path.is_file() and "results" not in path.parts]
    assert len(written) >= len(result)
    assert torch.get_default_dtype() is torch.float32


def test_the_page_has_code_for_each_tracker() -> None:
    assert [package in block for package, block in zip(NEEDED, BLOCKS, strict=True)] == [True] * len(NEEDED)
