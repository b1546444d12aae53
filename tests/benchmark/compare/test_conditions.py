"""The grammar of ``--fail-if``."""

import pytest
from mia_bench.benchmark.compare.conditions import parse_condition
from mia_bench.benchmark.errors import UsageError

COLUMNS = ["psnr_db", "accuracy"]


@pytest.mark.parametrize(
    ("text", "is_change", "value", "met"),
    [
        ("psnr_db > +0.5", True, 0.6, True),
        ("psnr_db > +0.5", True, 0.5, False),
        ("psnr_db>=+0.5", True, 0.5, True),
        ("accuracy < -1e-2", True, -0.02, True),
        ("accuracy < -1e-2", True, 0.02, False),
        ("accuracy < .9", False, 0.89, True),
        ("accuracy <= 0.9", False, 0.9, True),
        (" missing > 0 ", False, 1, True),
    ],
)
def test_a_sign_means_a_change_and_none_a_value(text: str, is_change: bool, value: float, met: bool) -> None:
    condition = parse_condition(text, COLUMNS)

    assert (condition.is_change, condition.met(value)) == (is_change, met)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("psnr_db", "Expected COLUMN OP NUMBER"),
        ("psnr_db == 3", "Expected COLUMN OP NUMBER"),
        ("psnr_db > much", "Expected COLUMN OP NUMBER"),
        ("psnr_db > 1 or 2", "Expected COLUMN OP NUMBER"),
        ("psnr > 1", r"column of numbers .* got 'psnr'. Did you mean 'psnr_db'"),
        ("missing > +1", "It counts cells"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse_condition(text, COLUMNS)
