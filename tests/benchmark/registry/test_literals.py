"""Parameters as they are written on the command line, for every type that a field may have."""

import enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from mia_bench.benchmark.cli.component_options import parse_rest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces import Component
from mia_bench.benchmark.registry import Entry, Kind
from mia_bench.benchmark.registry.literals import Text, divide_specs, parse, read, split_at_commas, write
from mia_bench.benchmark.registry.parameters import parameters
from mia_bench.benchmark.registry.specs import ResolvedComponent, build, resolve
from pydantic import Field, create_model


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Color(enum.Enum):
    RED = "red"
    NUMBER = 7


TYPES: list[tuple[Any, str, Any]] = [
    (int, "3", 3),
    (int, "1e3", 1000),
    (float, "3", 3.0),
    (float, "1e-5", 1e-5),
    (bool, "true", True),
    (bool, "False", False),
    (bool, "1", True),
    (str, "3", "3"),
    (str, "true", "true"),
    (str, "relu2", "relu2"),
    (str, '"a,b"', "a,b"),
    (str, "NaN", "NaN"),
    (Literal[1, 3], "1", 1),
    (Literal["a", 2], "2", 2),
    (Literal["a", 2], "a", "a"),
    (Literal["1", 2], "1", "1"),
    (Literal[True, "auto"], "true", True),
    (Level, "2", Level.HIGH),
    (Color, "red", Color.RED),
    (Color, "7", Color.NUMBER),
    (int | None, "none", None),
    (int | None, "4", 4),
    (str | None, "none", None),
    (Literal["none", "gauss"], "none", "none"),
    (int | float, "3", 3),
    (int | float, "3.5", 3.5),
    (int | str, "5", 5),
    (int | str, '"5"', "5"),
    (bool | str, "true", True),
    (float | bool, "true", True),
    (list[int], "[1,2]", [1, 2]),
    (tuple[float, ...], "[0.5, 1]", (0.5, 1.0)),
    (list[str], '["a,b","c"]', ["a,b", "c"]),
    (frozenset[str], '["b","a"]', frozenset({"a", "b"})),
    (dict[str, int], '{"a":1,"b":2}', {"a": 1, "b": 2}),
    (list[list[int]], "[[1,2],[3]]", [[1, 2], [3]]),
    (Path, "a/b", Path("a/b")),
]

IDS = [f"{getattr(kind, '__name__', kind)} {written}" for kind, written, _ in TYPES]


ENTRY = Entry(kind="attacks", name="odd", target="test:Odd", package="test", version="1")


def odd(kind: Any) -> type[Component]:
    return create_model("Odd", __base__=Component, value=(kind, Field()))


def built(kind: Any, written: str) -> Component:
    _, params = parse(f"odd:value={written}")
    return build(ENTRY, odd(kind), params)


@pytest.mark.parametrize(("kind", "written", "value"), TYPES, ids=IDS)
def test_a_value_is_read_as_what_its_parameter_accepts(kind: Any, written: str, value: Any) -> None:
    found = getattr(built(kind, written), "value")  # noqa: B009

    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(("kind", "written", "value"), TYPES, ids=IDS)
def test_an_option_is_read_like_a_parameter_of_a_spec(kind: Any, written: str, value: Any) -> None:
    _, options = parse_rest(["--value", written])

    assert [getattr(build(ENTRY, odd(kind), {"value": text}), "value") for text in options["value"]] == [value]  # noqa: B009


@pytest.mark.parametrize(("kind", "written", "value"), TYPES, ids=IDS)
def test_a_component_is_read_back_from_its_canonical_name(kind: Any, written: str, value: Any) -> None:
    chosen = ResolvedComponent(ENTRY, built(kind, written))
    _, params = parse(chosen.canonical)

    assert build(ENTRY, odd(kind), params).params == chosen.component.params


@pytest.mark.parametrize(
    ("kind", "written", "sentence"),
    [
        (float, "true", "value=true: input should be a valid number"),
        (int, "1.5", "value=1.5: input should be a valid integer"),
        (Literal[1, 3], "2", "value=2: input should be 1 or 3"),
        (list[int], "[1,", "value=.1,: input should be a valid list"),
        (float, "inf", "value=inf: input should be a finite number"),
        (int, "[" * 5000, "input should be a valid integer"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_as_it_was_written(kind: Any, written: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        built(kind, written)


def test_commas_in_brackets_and_quotes_do_not_divide() -> None:
    assert split_at_commas('a=[1,{"x":2}],b="c,d",e') == ['a=[1,{"x":2}]', 'b="c,d"', "e"]
    assert split_at_commas("a]b,c") == ["a]b", "c"]


@pytest.mark.parametrize(
    "value", ["a,b", "5", "none", "", '"', "[", "true", " a", "a ", "\n", 1, 1.5, None, [1, "a"], {"a": [1]}]
)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert read(write(value)) == value
    assert read(parse(f"odd:value={write(value)}")[1]["value"]) == value


@pytest.mark.parametrize(
    ("kind", "text", "advice"),
    [
        (tuple[float, ...], '"1,2,3"', "value=[1,2,3]"),
        (tuple[float, ...], "5", "value=[5]"),
        (list[str], '"a,b"', 'value=["a","b"]'),
        (list[int], '"[1,2,3]"', "value=[1,2,3]"),
        (list[list[int]], '"[[1,2]]"', "value=[[1,2]]"),
        (list[str], "[a,b]", 'value=["a","b"]'),
    ],
)
def test_a_parameter_that_is_a_list_says_how_it_is_written(kind: Any, text: str, advice: str) -> None:
    with pytest.raises(UsageError) as raised:
        built(kind, text)

    assert str(raised.value).endswith(f". Write it as {advice}.")


@pytest.mark.parametrize(
    ("kind", "text", "wrong"),
    [
        (list[int], "[[1,2,3]]", "value.0=[1, 2, 3]: input should be a valid integer."),
        (list[int] | None, '[1,"x"]', "value.1=x: input should be a valid integer"),
        (tuple[int, int], "[1,2,3]", "value=[1, 2, 3]: tuple should have at most 2 items after validation, not 3."),
        (list[str], "[1]", "value.0=1: input should be a valid string."),
        (list[int], "none", "value=none: input should be a valid list."),
        (list[int], "[1,", "value=[1,: input should be a valid list."),
        (list[int], '{"a":1}', 'value={"a":1}: input should be a valid list.'),
    ],
)
def test_a_list_that_is_wrong_inside_is_not_put_into_a_list(kind: Any, text: str, wrong: str) -> None:
    with pytest.raises(UsageError) as raised:
        built(kind, text)

    assert wrong in str(raised.value)
    assert "Write it as" not in str(raised.value)


SWEEPS = [
    ("defenses", "dp_ir", {"sigma": [0.1, 0.5]}, "--sigma 0.1,0.5, as sigma = [0.1, 0.5]"),
    ("defenses", "dp_ir", {"sigma": (0.1, 0.5)}, "--sigma 0.1,0.5, as sigma = [0.1, 0.5]"),
    ("defenses", "dp_ir", {"sigma": Text("[0.1,0.5]")}, "--sigma 0.1,0.5, as sigma = [0.1, 0.5]"),
    ("defenses", "dp_ir", {"noise": Text("[gaussian,x]")}, '--noise gaussian,x, as noise = ["gaussian", "x"]'),
    ("attacks", "ridge", {"observations": ["1", 4]}, '--observations "1",4, as observations = ["1", 4]'),
]


@pytest.mark.parametrize(("kind", "name", "params", "written"), SWEEPS)
def test_a_list_for_a_parameter_of_one_value_says_how_a_sweep_is_written(
    kind: Kind, name: str, params: dict[str, Any], written: str
) -> None:
    with pytest.raises(UsageError) as raised:
        resolve(kind, name, params)

    assert str(raised.value).endswith(
        f": expected one value, got a list. A list of values is a sweep. Write it as {written} under [options] of a "
        f"suite (options in Python), or name {name} once for each value."
    )


@pytest.mark.parametrize("kind", [list[float], float | list[float], tuple[float, ...], float | list[float] | None])
@pytest.mark.parametrize("value", [["a", 1], Text("[a,1]")], ids=["list", "text"])
def test_a_wrong_list_for_a_parameter_that_takes_lists_is_not_a_sweep(kind: Any, value: Any) -> None:
    with pytest.raises(UsageError) as raised:
        build(ENTRY, odd(kind), {"value": value})

    assert "sweep" not in str(raised.value)


def test_a_list_for_a_dataset_names_the_datasets() -> None:
    with pytest.raises(UsageError, match=r"size=\[16,32\]: expected one value, .* name photos once for each\.$"):
        resolve("datasets", "photos", {"size": Text("[16,32]")})


@pytest.mark.parametrize(
    ("params", "end"),
    [
        ({"sigma": -1}, "equal to 0. Run mia-bench show dp_ir to see what each parameter takes."),
        ({"sigma": -1, "delta": 5}, "equal to 0.99. Run mia-bench show dp_ir to see what each parameter takes."),
        ({"sigma": 1, "epsilon": 1}, "epsilon=1.0. Leave one of them out."),
    ],
)
def test_a_refused_parameter_has_one_remedy(params: dict[str, Any], end: str) -> None:
    with pytest.raises(UsageError) as raised:
        resolve("defenses", "dp_ir", params)

    assert str(raised.value).endswith(end)
    assert str(raised.value).count(" Run ") == ("Run" in end)


def test_the_remedy_for_a_class_that_is_not_installed_names_no_command() -> None:
    with pytest.raises(UsageError, match=r"value=x: input should be a valid number.* Choose other values\.$"):
        built(float, "x")


def test_numbers_behind_a_parameter_are_told_apart_from_names() -> None:
    with pytest.raises(UsageError) as raised:
        divide_specs("z:a=0,c=1,2,3,d=4")

    assert str(raised.value) == (
        "Expected a name or key=value, got '2' behind 'z:a=0,c=1'. Write a list as c=[1,2,3], and several values of "
        "which each is tried as --c 1,2,3."
    )


def test_a_sweep_of_lists_is_divided_between_the_lists() -> None:
    assert parse_rest(["--sizes", "[1,2],[3]"])[1] == {"sizes": ["[1,2]", "[3]"]}


def test_a_set_is_written_in_one_order() -> None:
    assert built(frozenset[str], '["b","c","a"]').params == '{"value":["a","b","c"]}'


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (Level, "1 | 2"),
        (Literal[1, 3], "1 | 3"),
        (list[int], "array of integers"),
        (int | None, "integer or none"),
        (Annotated[float, Field(ge=0, le=1e15)] | None, "number from 0 to 1e15, or none"),
        (Annotated[float, Field(gt=0, le=1)], "number above 0 and at most 1"),
        (Annotated[int, Field(ge=1234567)], "integer of at least 1234567"),
        (list[Annotated[float, Field(ge=-1e4, le=1e-6)]], "array of numbers from -10000 to 1e-6"),
    ],
)
def test_show_names_what_a_parameter_accepts(kind: Any, allowed: str) -> None:
    assert parameters(odd(kind))[0][:2] == ["value", allowed]
