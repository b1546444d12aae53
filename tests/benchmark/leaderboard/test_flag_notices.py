"""Flags in words: one line for each kind, and the details of a kind."""

from mia_bench.benchmark.leaderboard.auditing import audit
from mia_bench.benchmark.leaderboard.flag_kinds import FLAG_KINDS
from mia_bench.benchmark.leaderboard.flag_notices import details, notice

from .audits.audited_cells import cell
from .audits.planted_faults import MEAN

WEAK = ("query_free", 10.0)


def test_flags_of_one_kind_are_one_line_that_says_where_how_many_and_what_to_do() -> None:
    cells = [cell(*each, defense_params={"rate": rate}) for rate in (0.1, 0.2) for each in (("mean_image", 12.0), WEAK)]

    (line,) = notice(audit([each.row for each in cells], {}))

    assert line.startswith(
        "Flag below-mean-image, 2 cells (query_free on dp_ir:rate=0.1, query_free on dp_ir:rate=0.2). "
    )
    assert line.endswith(FLAG_KINDS["below-mean-image"].remedy)


def test_a_line_of_many_flags_names_three_cells_and_counts_the_others() -> None:
    many = [cell("ridge", 19.0, bound_psnr_db=15.0, defense_params={"sigma": sigma}) for sigma in (1, 2, 3, 4, 5)]

    (line,) = notice(audit([each.row for each in many], {}))

    assert line.startswith("Flag beats-bound, 5 cells (ridge on dp_ir:sigma=1, ")
    assert "ridge on dp_ir:sigma=3, and 2 more). " in line


def test_the_details_of_a_kind_say_meaning_causes_remedy_and_each_cell() -> None:
    lines = [*details("below-mean-image", audit([each.row for each in (MEAN, cell("query_free", 10.0))], {}))]

    kind = FLAG_KINDS["below-mean-image"]
    assert lines[0] == f"below-mean-image: 1 cell. {kind.meaning}"
    assert lines[1:-2] == [f"  Likely cause: {cause}" for cause in kind.causes]
    assert lines[-2] == f"  What to do: {kind.remedy}"
    assert "query_free on dp_ir" in lines[-1]
    assert "scores 10.00 dB, below the mean image (12.00 dB) [" in lines[-1]
