"""Free options, specs and sweeps."""

import pytest
from mia_bench.benchmark.cli.component_options import parse_rest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.registry.literals import parse
from mia_bench.benchmark.registry.specs import resolve
from mia_bench.benchmark.registry.sweeps import check_options, expand_sweeps


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--sigma 0.1", (None, {"sigma": ["0.1"]})),
        ("--sigma=0.1", (None, {"sigma": ["0.1"]})),
        ("--sigma -1", (None, {"sigma": ["-1"]})),
        ("--sigma 0.1,0.5 --delta 1e-6", (None, {"sigma": ["0.1", "0.5"], "delta": ["1e-6"]})),
        ("--noise-aware --sigma 1", (None, {"noise_aware": ["true"], "sigma": ["1"]})),
        ("quick --sigma 1", ("quick", {"sigma": ["1"]})),
        ("--sigma 1 quick", ("quick", {"sigma": ["1"]})),
        ("--sigma 1 --sigma 2,3", (None, {"sigma": ["1", "2", "3"]})),
        ("", (None, {})),
    ],
)
def test_leftover_words_are_a_suite_and_options(words: str, expected: tuple[str | None, dict[str, list[str]]]) -> None:
    assert parse_rest(words.split()) == expected


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("--sigma --clip 1", "--sigma"),
        ("--sigma= --clip 1", "--sigma"),
        ("--clip 1 --sigma 0.1,", "--sigma"),
        ("--delta", "--delta"),
        ("--noise", "--noise"),
        ("--noise-aware=", "--noise-aware"),
    ],
)
def test_an_option_without_a_value_is_refused_unless_its_parameter_is_true_or_false(words: str, option: str) -> None:
    _, options = parse_rest(words.split())

    with pytest.raises(UsageError) as raised:
        expand_sweeps("defenses", ["dp_ir"], options)

    assert str(raised.value) == f"Expected a value of {option}, got none. Write {option} VALUE."


def test_an_option_without_a_value_is_a_switch_for_parameters_that_are_true_or_false() -> None:
    _, options = parse_rest(["--noise-aware", "--sigma", "1"])

    assert [each.label for each in expand_sweeps("defenses", ["dp_ir"], options)] == [
        "dp_ir:sigma=1.0,noise_aware=True"
    ]


def test_two_suites_are_refused() -> None:
    with pytest.raises(UsageError, match="Expected at most one suite, got 'a' and 'b'"):
        parse_rest(["a", "b"])


def test_a_spec_is_a_name_and_parameters() -> None:
    assert parse("dp_ir:sigma=0.1,delta=1e-6") == ("dp_ir", {"sigma": "0.1", "delta": "1e-6"})
    assert parse("dp_ir") == ("dp_ir", {})


def test_free_options_go_to_every_component_that_has_them_and_sweep() -> None:
    chosen = expand_sweeps("defenses", ["undefended", "dp_ir", "dp_input:sigma=9"], {"sigma": ["0.1", "0.5"]})

    assert [one.label for one in chosen] == ["undefended", "dp_ir:sigma=0.1", "dp_ir:sigma=0.5", "dp_input:sigma=9.0"]


def test_the_same_component_twice_counts_once() -> None:
    assert len(expand_sweeps("defenses", ["undefended", "undefended", {"name": "undefended"}], {})) == 1


def test_text_and_numbers_give_the_same_identity() -> None:
    assert (
        resolve("defenses", "dp_ir", {"sigma": "0.10"}).identity
        == resolve("defenses", "dp_ir", {"sigma": 0.1}).identity
    )


def test_an_option_that_nobody_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"--sigam. Did you mean 'sigma'\? Their options: .*sigma"):
        check_options({"sigam": ["1"]}, {"defenses": ["dp_ir"]})
    check_options({"sigma": ["1"]}, {"defenses": ["undefended", "dp_ir"]})


def test_an_option_that_each_component_sets_itself_is_refused() -> None:
    with pytest.raises(UsageError, match="--sigma to set a parameter of a chosen attack or defense, but dp_ir sets it"):
        check_options({"sigma": ["1"]}, {"defenses": ["undefended", "dp_ir:sigma=2", {"name": "dp_input", "sigma": 3}]})
    check_options({"sigma": ["1"]}, {"defenses": ["dp_ir:sigma=2", "dp_input"]})
