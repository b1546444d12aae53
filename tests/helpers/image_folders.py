"""Folders of images, loaded or refused."""

from pathlib import Path

import pytest
from mia_bench.benchmark.datasets.imagefolder import Imagefolder
from mia_bench.benchmark.errors import UsageError


def load(root: Path | None, **params):
    return Imagefolder(**{"size": 16, **params}).load(root)


def refusal(root: Path | None, **params) -> str:
    with pytest.raises(UsageError) as caught:
        load(root, **params)
    message = str(caught.value)
    assert "\n" not in message
    return message
