"""What a component declares is checked when its class is made."""

from typing import ClassVar

import pytest
from mia_bench.benchmark.interfaces import Component


def test_parameters_that_were_added_later_must_exist() -> None:
    with pytest.raises(TypeError, match="Expected parameters of Wrong in added, got shap"):

        class Wrong(Component):
            added: ClassVar[frozenset[str]] = frozenset({"shap"})

            shape: str = "isotropic"
