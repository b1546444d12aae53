"""A component is used only if its parameters in a record restore it."""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from mia_bench import Defense, ImageSet, SplitModel, UsageError
from mia_bench.benchmark.interfaces import Component
from mia_bench.benchmark.registry.entries import Entry
from mia_bench.benchmark.registry.recorded_parameters import require_restorable
from mia_bench.benchmark.registry.specs import ResolvedComponent
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    computed_field,
)
from torch import Tensor

ENTRY = Entry("defenses", "odd", "odd:Odd", "odd", "1")


class Plain(Defense):
    """Sends the IR as it is."""

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        return model


class Keyed(Plain):
    key: SecretStr = SecretStr("1")


class Excluding(Plain):
    width: float = Field(0.5, exclude=True)


class Rounding(Plain):
    width: Annotated[float, PlainSerializer(round)] = 0.0


class Nested(BaseModel):
    key: SecretStr = SecretStr("1")


class Hiding(Plain):
    nested: Nested = Nested()


class Renaming(Plain):
    width: float = Field(0.5, serialization_alias="breadth")


class Doubling(Plain):
    width: Annotated[float, AfterValidator(lambda each: 2 * each)] = 0.5


class Computing(Plain):
    width: float = 0.5

    @computed_field
    @property
    def twice(self) -> float:
        return 2 * self.width


class Holding(Plain):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    weights: Tensor | None = None


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (Keyed(key=SecretStr("2")), r'Keyed that its record restores, got {"key":".{10}"}, which loses key, so two'),
        (Excluding(width=5), "got {}, which loses width"),
        (Excluding(), "got {}, which loses width"),
        (Rounding(width=0.4), '"width":0}, which loses width'),
        (Hiding(nested=Nested(key=SecretStr("2"))), "which loses nested"),
        (Renaming(), '"breadth":0.5}, which the class refuses: breadth: Extra inputs are not permitted'),
        (Doubling(width=3), "which loses width"),
        (Computing(), "which the class refuses: twice: .* computed_field"),
        (Holding(weights=Tensor([1])), "Expected parameters of Holding that JSON can hold"),
    ],
)
def test_a_component_that_its_record_does_not_restore_is_refused(component: Component, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        ResolvedComponent(ENTRY, component)
    assert "SecretStr" not in str(refused.value)
    assert len(str(refused.value)) < 1000


class Color(Enum):
    RED = 1
    BLUE = "b"


class Unlike:
    """A value that says nothing about what it equals."""

    def __init__(self, number: float) -> None:
        self.number = number

    @classmethod
    def of(cls, given: Any) -> "Unlike":
        return given if isinstance(given, cls) else cls(given)


class Array(Plain):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    values: Annotated[np.ndarray, BeforeValidator(np.asarray), PlainSerializer(lambda each: each.tolist())]
    unlike: Annotated[Unlike, BeforeValidator(Unlike.of), PlainSerializer(lambda each: each.number)] = Unlike(1.0)
    shape: Sequence[int] = (3, 3)
    chosen: Annotated[float, Field(validation_alias=AliasChoices("w", "breadth"))] = 0.5
    named: float = Field(0.5, alias="lambda")
    words: frozenset[str] = frozenset({"a", "b", "c"})
    color: Color = Color.RED
    path: FilePath | None = None
    several: dict[str, int | float | str | None] = Field(default_factory=lambda: {"a": 1, "b": 1.0, "c": "1"})
    _counted: int = PrivateAttr(0)


@pytest.mark.parametrize(
    "params",
    [{}, {"shape": [1, 2]}, {"lambda": 0.1}, {"words": {"z"}}, {"color": "b"}, {"path": Path(__file__)}],
)
def test_parameters_of_other_types_are_restored(params: dict[str, Any]) -> None:
    component = Array(values=np.array([0.1, 0.2]), **params)
    component._counted = 1

    require_restorable(component)
