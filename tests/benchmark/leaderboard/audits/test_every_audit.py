"""Each flag is raised on a planted fault and on nothing honest."""

from pathlib import Path

import pytest
from mia_bench.benchmark.leaderboard import audits
from mia_bench.benchmark.leaderboard.flag_kinds import FLAG_KINDS

from .audited_cells import flags
from .planted_faults import DETAILED, FAULTS, HONEST


@pytest.mark.parametrize("at_hand", [True, False])
def test_an_honest_board_has_no_flags(at_hand: bool) -> None:
    assert flags(*HONEST, at_hand=at_hand) == []


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_raises_its_flag_and_no_other(name: str, at_hand: bool) -> None:
    assert flags(*FAULTS[name], at_hand=at_hand) == [name]


@pytest.mark.parametrize("name", DETAILED)
def test_what_only_the_records_tell_is_flagged_where_they_are_at_hand(name: str) -> None:
    assert flags(*DETAILED[name]) == [name]
    assert flags(*DETAILED[name], at_hand=False) == []


def test_every_audit_has_a_planted_fault() -> None:
    assert {*FLAG_KINDS} == {*FAULTS, *DETAILED, "incomplete"}


def test_every_audit_is_a_file_named_after_its_flag() -> None:
    files = {path.stem for path in Path(audits.__path__[0]).glob("*.py")} - {"__init__", "comparisons"}

    assert {name.replace("-", "_") for name in FLAG_KINDS} == files


def test_every_kind_of_flag_is_explained() -> None:
    for kind in FLAG_KINDS.values():
        texts = [kind.meaning, *kind.causes, kind.remedy]
        assert len(texts) >= 3
        assert all(text[0].isupper() or text[0] == "`" for text in texts), kind.identifier
        assert all(text.endswith((".", ".)")) and len(text) <= 120 for text in texts), kind.identifier
