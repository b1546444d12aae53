"""A missing package of an extra is named with the command that installs it."""

import re
import sys

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.utils.extras import require_extra


def test_the_package_that_is_missing_is_named_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tabulate", None)
    sentence = "Expected the package tabulate, which is not installed. Run: pip install 'mia-bench[onnx]'."

    with pytest.raises(UsageError, match=re.escape(sentence)):
        require_extra("onnx", "torch", "tabulate", "mpmath")
    require_extra("onnx", "torch", "mpmath")
