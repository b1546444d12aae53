"""Quantities with units on the command line."""

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.splits.units import parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("50Mbit", "bit", 5e7), ("1.5 Gbit/s", "bit", 1.5e9), ("20ms", "s", 0.02), ("2s", "s", 2), ("50mJ", "J", 0.05)],
)
def test_quantities_are_read_with_their_prefixes(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit, "--x") == pytest.approx(value)


@pytest.mark.parametrize("text", ["50", "50MB", "-5Mbit", "0Mbit", "Mbit", "nan", "1e999bit"])
def test_a_quantity_without_its_unit_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"Expected --uplink to be a positive number .* Write it as in 50Mbit\."):
        parse_quantity(text, "bit", "--uplink")
