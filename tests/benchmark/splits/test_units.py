"""Quantities with units on the command line."""

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.splits.units import ENERGY, RATE, TIME, Unit, parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("50Mbit", RATE, 5e7),
        ("1.5 Gbit/s", RATE, 1.5e9),
        ("50mbit", RATE, 5e7),
        ("50Mbps", RATE, 5e7),
        ("50mbps", RATE, 5e7),
        ("50Mb/s", RATE, 5e7),
        ("50MBit", RATE, 5e7),
        ("500kbit", RATE, 5e5),
        ("6MB/s", RATE, 4.8e7),
        ("6MBps", RATE, 4.8e7),
        ("20ms", TIME, 0.02),
        ("0.1s", TIME, 0.1),
        ("50µs", TIME, 5e-5),
        ("2s", TIME, 2),
        ("50mJ", ENERGY, 0.05),
        ("0.05 J", ENERGY, 0.05),
    ],
)
def test_quantities_are_read_with_their_prefixes(text: str, unit: Unit, value: float) -> None:
    assert parse_quantity(text, unit, "--x") == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "unit", "example"),
    [
        *(
            (text, RATE, "50Mbit")
            for text in ("50", "50MB", "-5Mbit", "0Mbit", "Mbit", "nan", "1e999bit", "1,5Mbit", "")
        ),
        *((text, TIME, "100ms") for text in ("100", "100MS", "1Ms", "1min", "1_0ms", "1,5s", "0s")),
        *((text, ENERGY, "50mJ") for text in ("50", "50MJ", "50mWh")),
    ],
)
def test_a_quantity_without_its_unit_is_refused(text: str, unit: Unit, example: str) -> None:
    with pytest.raises(UsageError, match=rf"Expected --uplink to be a number above 0 with its unit, such as {example}"):
        parse_quantity(text, unit, "--uplink")


def test_zero_is_allowed_only_where_it_makes_sense() -> None:
    assert parse_quantity("0ms", TIME, "--rtt", zero=True) == 0
    with pytest.raises(UsageError, match="a number of at least 0 with its unit"):
        parse_quantity("-1ms", TIME, "--rtt", zero=True)
