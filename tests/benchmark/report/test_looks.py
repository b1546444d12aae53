"""Colors and marks of defenses."""

import pytest
from mia_bench.benchmark.report.looks import MARKS, looks

LIGHT_PAPER, DARK_PAPER = "#fbfaf8", "#14171a"


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2 between two colors."""

    def luminance(color: str) -> float:
        values = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in values)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("count", [1, 8, 9, 15, len(MARKS) - 1])
def test_each_defense_has_a_color_and_a_mark_of_its_own(count: int) -> None:
    found = [*looks(["undefended", *(f"d{index}" for index in range(count))]).values()]

    assert [len({getattr(each, part) for each in found}) for part in ("mark", "light", "dark")] == [count + 1] * 3


@pytest.mark.parametrize("count", [8, 15, 20])
def test_colors_stand_out_from_the_paper_of_both_themes(count: int) -> None:
    found = looks(f"d{index}" for index in range(count)).values()

    assert min(contrast(each.light, LIGHT_PAPER) for each in found) >= 3
    assert min(contrast(each.dark, DARK_PAPER) for each in found) >= 3


def test_a_look_does_not_depend_on_the_order_of_the_board() -> None:
    assert looks(["topk", "dp_ir", "undefended"]) == looks(["dp_ir", "topk"])
