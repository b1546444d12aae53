"""Each flag is raised on a planted fault and on nothing honest."""

import re
from pathlib import Path

import pytest
from mia_bench.benchmark.evaluation.protection import MEASURED, MEASURED_PREFIXES
from mia_bench.benchmark.leaderboard import audits
from mia_bench.benchmark.leaderboard.auditing import audit
from mia_bench.benchmark.leaderboard.flag_kinds import FLAG_KINDS
from mia_bench.benchmark.leaderboard.records import KINDS, REQUIRED_SCORES, Record, Row
from pydantic import ValidationError

from .audited_cells import cell, flags
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


BOARDS = {**{f"{name} in rows": board for name, board in FAULTS.items()}, **DETAILED}
READ = set(re.findall(r"[a-z_0-9]+", "".join(path.read_text() for path in Path(audits.__path__[0]).glob("*.py"))))
OPTIONAL = {name for name, field in Row.model_fields.items() if field.default is None} - {*REQUIRED_SCORES}
DETAILS = {name for name in READ if name in MEASURED or name.startswith(MEASURED_PREFIXES)} - {*Row.model_fields}


def changed(made: Record, name: str, value: float | None) -> Record | None:
    """A cell with another value of an optional column or a detail; None if validation refuses it."""
    if name in DETAILS:
        rest = {key: known for key, known in made.details.items() if key != name}
        return made.model_copy(update={"details": rest if value is None else {**rest, name: value}})
    try:
        KINDS[name].validate_python(value)
    except ValidationError:
        return None
    return made.model_copy(update={"row": made.row.model_copy(update={name: value})})


@pytest.mark.parametrize("value", [None, 0.0, 1e308, -1e308])
@pytest.mark.parametrize("board", BOARDS)
def test_an_audit_ends_with_flags_whatever_optional_figures_are(board: str, value: float | None) -> None:
    first, *others = BOARDS[board]
    for name in sorted(OPTIONAL | DETAILS):
        other = changed(first, name, value)
        more = [changed(each, name, value) for each in others]
        for cells in ([other, *others], [first, *more], [other, *more]):
            if None not in cells:
                flags(*(each for each in cells if each is not None))


def test_rows_of_very_many_images_are_audited_at_once() -> None:
    row = cell("ridge", 19.0, identified=0.75, bound_identified=0.127).row.model_copy(update={"n_images": 10**9})

    assert [flag.name for flag in audit([row], {})] == ["beats-identification-bound"]
