"""What a component declares is checked when its class is made."""

from typing import ClassVar

import pytest
from mia_bench.benchmark.interfaces import Component, Defense


@pytest.mark.parametrize(("kind", "declared"), [(Component, "added"), (Defense, "added"), (Defense, "adversary_only")])
def test_parameters_that_a_class_declares_something_of_must_exist(kind: type, declared: str) -> None:
    wrong = {"__annotations__": {"shape": str, declared: ClassVar[frozenset[str]]}, "shape": "isotropic"}

    with pytest.raises(TypeError, match=f"Expected parameters of Wrong in {declared}, got shap"):
        type(kind)("Wrong", (kind,), {"__module__": __name__, **wrong, declared: frozenset({"shap"})})
