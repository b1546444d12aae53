"""CKKS parameters."""

import pytest
from mia_bench.benchmark.errors import Inapplicable, UsageError
from mia_bench.defenses._ckks.parameters import STANDARDS, Parameters, Standard, choose_parameters


@pytest.mark.parametrize(
    ("levels", "width", "ring"), [(1, 128, 4096), (2, 128, 8192), (6, 1024, 8192), (7, 1024, 16384), (1, 4096, 8192)]
)
def test_the_ring_is_the_smallest_that_has_the_levels_and_the_slots(levels: int, width: int, ring: int) -> None:
    chosen = choose_parameters(levels=levels, width=width)
    assert chosen.ring == ring
    assert chosen.levels == levels
    assert chosen.slots >= width


@pytest.mark.parametrize("standard", STANDARDS)
@pytest.mark.parametrize("levels", range(1, 15))
def test_what_is_chosen_is_128_bit_secure_and_leaves_room_for_the_result(levels: int, standard: Standard) -> None:
    chosen = choose_parameters(levels=levels, width=16, standard=standard)
    assert sum(chosen.moduli) <= STANDARDS[standard][chosen.ring]
    assert chosen.context().parameters_set()
    assert chosen.headroom >= 16


def test_moduli_that_only_the_older_table_allows_are_refused_by_the_newer() -> None:
    assert choose_parameters(levels=1, width=16, moduli=(38, 33, 38)).ring == 4096
    with pytest.raises(UsageError, match="at most 106 bits in ring 4096"):
        choose_parameters(levels=1, width=16, moduli=(38, 33, 38), ring=4096, standard="2024")


def test_too_many_bits_are_refused() -> None:
    with pytest.raises(UsageError, match=r"not 128-bit secure.*8192 allows 218 bits"):
        Parameters(8192, (60, 40, 40, 40, 60), 40).context()


def test_primes_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UsageError, match="SEAL refuses"):
        Parameters(16384, (60, 20, 20, 20, 20, 20, 20, 20, 60), 20).context()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ring": 4096, "levels": 4}, r"room for the 4 levels of this split, got ring=4096"),
        ({"ring": 4096, "width": 4096}, r"at least 4096 slots .* got ring=4096 with 2048 slots"),
        ({"scale_bits": 50, "levels": 12}, r"room for the 12 levels of this split, got scale_bits=50"),
        ({"moduli": (46, 42, 46), "levels": 2}, r"at least 4 primes .* 2 levels .* allows 1 levels"),
        ({"moduli": (60, 60, 60, 60), "ring": 8192}, r"for 128-bit security, got .* 240 bits"),
        ({"moduli": (40, 40, 40)}, r"at least 42 bits in the first prime for a scale of 2\^40, got 40"),
    ],
)
def test_given_parameters_that_do_not_suffice_are_refused_with_a_reason(given: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose_parameters(**{"levels": 1, "width": 16, **given})


def test_given_parameters_are_taken() -> None:
    assert choose_parameters(levels=1, width=16, moduli=(50, 42, 50)) == Parameters(8192, (50, 42, 50), 42)
    assert choose_parameters(levels=1, width=16, ring=8192).ring == 8192


def test_a_network_that_is_too_deep_is_inapplicable() -> None:
    with pytest.raises(Inapplicable, match=r"at most 14 levels.*ring 16384, got 15 levels.*mode=interactive"):
        choose_parameters(levels=15, width=16)
