"""Fixed-point numbers, their shares, and products modulo 2^64."""

import numpy as np
import pytest
from mia_bench.defenses._sharing.ring import PrecisionError, decode, encode, multiply, part_bits, share
from scipy.stats import chisquare

RANDOM = np.random.default_rng(0)


def ring(shape: tuple[int, ...]) -> np.ndarray:
    return RANDOM.integers(0, 2**64, size=shape, dtype=np.uint64)


@pytest.mark.parametrize("value", [0.0, -1.0, 1.0, 1e6])
def test_each_share_is_uniform_whatever_the_value_is(value: float) -> None:
    numbers = encode(np.full(20_000, value), 16)
    for one in share(numbers):
        counts = np.stack([np.bincount(column, minlength=256) for column in one.view(np.uint8).reshape(-1, 8).T])
        for each in counts:  # Each of the eight bytes of a number.
            assert chisquare(each).pvalue > 1e-5
        pairs = np.bincount((one & np.uint64(15)) * np.uint64(16) + (np.roll(one, 1) & np.uint64(15)), minlength=256)
        assert chisquare(pairs).pvalue > 1e-5


def test_the_test_of_uniformity_finds_shares_of_half_the_ring() -> None:
    first = encode(np.zeros(20_000), 16) + ring((20_000,)) // np.uint64(2)
    counts = np.bincount(first.view(np.uint8).reshape(-1, 8)[:, 7], minlength=256)
    assert chisquare(counts).pvalue < 1e-5


def test_both_shares_add_up_exactly_and_never_repeat() -> None:
    numbers = encode(RANDOM.normal(size=(50, 20)), 16)
    (first, second), (again, more) = share(numbers), share(numbers)
    assert np.array_equal(first + second, numbers)
    assert np.array_equal(again + more, numbers)
    assert len(np.unique(np.stack([first, second, again, more]))) == 4 * numbers.size


def test_numbers_are_rounded_to_the_last_fractional_bit() -> None:
    values = RANDOM.normal(size=1000) * 100
    assert np.abs(decode(encode(values, 16), 16) - values).max() <= 2.0**-17


@pytest.mark.parametrize("values", [[2.0**47], [np.nan], [np.inf], [-(2.0**60)]])
def test_a_number_outside_the_ring_is_refused(values: list[float]) -> None:
    with pytest.raises(PrecisionError, match=r"Expected numbers of at most .* with 16 fractional bits, got"):
        encode(np.array(values), 16)


@pytest.mark.parametrize("size", [1, 2**10, 2**18, 2**40])
def test_products_are_exact_modulo_2_to_the_64(size: int) -> None:
    weights = RANDOM.integers(-size, size, size=(7, 33), dtype=np.int64, endpoint=True)
    numbers = ring((5, 33))
    rows, columns = numbers.tolist(), weights.tolist()
    expected = [[sum(map(int.__mul__, row, column)) % 2**64 for column in columns] for row in rows]
    assert multiply(numbers, weights).tolist() == expected


def test_weights_that_are_too_large_for_exact_products_are_refused() -> None:
    with pytest.raises(PrecisionError, match="Expected weights whose sums have at most 52 bits"):
        part_bits(np.full((1, 9), 2**50))
