"""The commands that complete a board, read by the real command line."""

import json
import random
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.cli import run
from mia_bench.benchmark.leaderboard.auditing import audit
from mia_bench.benchmark.leaderboard.completeness import find_gaps
from mia_bench.benchmark.leaderboard.completion_commands import completing_commands, gap_notice
from mia_bench.benchmark.leaderboard.records import Row
from mia_bench.benchmark.leaderboard.store import to_frame
from mia_bench.benchmark.plan.cells import Cell
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.references import KEY_COLUMNS
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.registry.specs import resolve
from mia_bench.benchmark.runner.options import RunOptions
from mia_bench.benchmark.utils.cache import digest

from ...helpers.commands import mia_bench
from .test_ranking import record

DEFENSES = ("undefended", "dp_ir:clip=10,epsilon=8", "dropout:rate=0.3,where=input", "deeper_client:to=relu3")
ATTACKS = ("mean_image", "ridge", "white_box:observations=4", "black_box:aux=random")


def named(defense: str, attack: str, seed: int = 0) -> str:
    """The cell_id of a row."""
    return digest([defense, attack, seed])


def row(defense: str, attack: str, seed: int = 0, **facts: Any) -> Row:
    """A row as ``run`` would write it."""
    scenario = {"dataset": "photos", "model": "lenet5", "split": "relu2", "n_images": 4}
    chosen = {}
    for noun, kind, spec in (("defense", "defenses", defense), ("attack", "attacks", attack)):
        name, _, params = spec.partition(":")
        found = resolve(kind, name, dict(each.split("=") for each in params.split(",") if each))  # type: ignore[arg-type]
        chosen |= {noun: name, f"{noun}_params": found.component.params}
    made = record(chosen.pop("defense"), chosen.pop("attack"), [10.0] * 4, [0.1] * 4, seed=seed)
    cell_id = named(defense, attack, seed)
    return made.row.model_copy(update={**scenario, **chosen, "cell_id": cell_id, **facts})


def full() -> list[Row]:
    return [row(defense, attack, seed) for defense in DEFENSES for attack in ATTACKS for seed in (0, 1)]


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Cell]]:
    """What the command line plans for a command, as cells."""
    given: dict[str, Any] = {}

    def remember(suite: str | None, request: Request, options: RunOptions, **words: Any) -> int:
        given["request"] = request
        return 0

    def read(command: str) -> list[Cell]:
        program, *words = shlex.split(command)
        assert program == "mia-bench"
        assert mia_bench(*words).exit_code == 0
        return plan(given["request"])

    monkeypatch.setattr(run, "run", remember)
    return read


def completed(rows: list[Row], planned: Callable[[str], list[Cell]]) -> list[Row]:
    """The board after all commands that it asks for."""
    cells = [cell for found in completing_commands(rows).values() for command in found for cell in planned(command)]
    there = {tuple(getattr(each, name) for name in KEY_COLUMNS) for each in rows if each.status == "done"}
    template = row("undefended", "ridge")
    added = [
        template.model_copy(update={**cell.columns, "cell_id": f"new-{index}"})
        for index, cell in enumerate(cells)
        if tuple(cell.columns[name] for name in KEY_COLUMNS) not in there
    ]
    return rows + added


def test_a_missing_cell_is_asked_for_with_its_parameters(planned: Callable[[str], list[Cell]]) -> None:
    lost: tuple[str, str, int] = ("dp_ir:clip=10,epsilon=8", "white_box:observations=4", 1)
    board = [each for each in full() if each.cell_id != named(*lost)]

    ((scenario, found),) = completing_commands(board).items()

    assert scenario == ("photos", "lenet5", "relu2", 4)
    assert len(found) == 1
    wanted = row(*lost)
    columns = [cell.columns for cell in planned(found[0])]
    assert {name: getattr(wanted, name) for name in KEY_COLUMNS} in columns
    assert find_gaps(completed(board, planned)) == []


@pytest.mark.parametrize("trial", range(8))
def test_the_commands_leave_no_line_incomplete(planned: Callable[[str], list[Cell]], trial: int) -> None:
    chance = random.Random(trial)
    board = [each for each in full() if chance.random() < 0.75]
    if trial % 2:
        board = [each for each in board if each.attack != "mean_image" and each.defense != "undefended"]
    failed = {"status": "failed", "psnr_db": None, "ssim": None, "recognisable": None, "reason": "no memory"}
    board[1] = board[1].model_copy(update=failed)

    assert find_gaps(board)
    assert find_gaps(completed(board, planned)) == []


def test_what_no_run_can_add_is_not_asked_for() -> None:
    nowhere = {"status": "inapplicable", "psnr_db": None, "ssim": None, "recognisable": None, "reason": "no gradient"}
    board = [row("undefended", "ridge"), row("dropout", "ridge", **nowhere), row("undefended", "mean_image")]
    board.append(row("dropout", "mean_image"))

    assert completing_commands(board) == {}
    assert gap_notice(board) == [
        "1 row is incomplete, so more may leak than it shows:",
        "  dropout lacks ridge at seed 0 (inapplicable: no gradient)",
        "No run can complete them.",
    ]


def test_a_command_is_not_said_to_complete_rows_whose_attack_does_not_apply() -> None:
    nowhere = {"status": "inapplicable", "psnr_db": None, "ssim": None, "recognisable": None, "reason": "no gradient"}
    board = [row(defense, "mean_image") for defense in ("undefended", "dropout", "quantize")]
    board += [row("undefended", "ridge"), row("dropout", "ridge", **nowhere)]

    told = {each.sentence.split()[0]: each.sentence for each in audit(board, {}) if each.name == "incomplete"}

    assert told["dropout"].endswith("No run can complete it, since what it lacks does not apply to it")
    assert "To complete this scenario: mia-bench run" in told["quantize"]
    assert "To complete those that lack more than attacks that do not apply:" in gap_notice(board)


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "arrays:content=sha256:01"},
        {"model": "module:content=sha256:01,kind=Net"},
        {"defense": "mine", "plugin_version": "object==sha256:01"},
    ],
)
def test_no_command_is_given_for_objects_of_a_python_session(changes: dict[str, str]) -> None:
    board = [row("dropout", "ridge"), row("undefended", "ridge"), row("undefended", "mean_image")]
    scenario = {name: value for name, value in changes.items() if name in ("dataset", "model")}
    board = [board[0].model_copy(update=changes), *(each.model_copy(update=scenario) for each in board[1:])]

    notice = gap_notice(board)

    assert "Those with objects of a Python session can be completed by that session alone." in notice
    commands = [command for found in completing_commands(board).values() for command in found]
    assert not [command for command in commands if any(value in command for value in changes.values())]


def test_a_component_that_is_not_installed_is_written_with_all_its_parameters() -> None:
    foreign = {"defense": "odd one", "defense_params": json.dumps({"words": "a, b'c", "sizes": [1, 2]})}
    board = [row("undefended", "ridge"), row("undefended", "mean_image"), row("undefended", "ridge")]
    board[2] = board[2].model_copy(update=foreign)

    ((command,),) = completing_commands(board, Path("my results")).values()

    words = shlex.split(command)
    assert words[words.index("--defense") + 1] == 'odd one:words="a, b\'c",sizes=[1,2]'
    assert words[-2:] == ["--out", "my results"]


def test_the_audit_names_the_attack_the_seed_and_the_command() -> None:
    board = [each for each in full() if each.cell_id != named("dropout:rate=0.3,where=input", "ridge", 1)]

    (flag,) = [each for each in audit(board, {}) if each.name == "incomplete"]

    assert "dropout:rate=0.3,where=input (photos lenet5 relu2) lacks ridge at seed 1 (missing)" in flag.sentence
    assert "mia-bench run --dataset photos --model lenet5 --split relu2" in flag.sentence
    assert [each for each in audit(full(), {}) if each.name == "incomplete"] == []


def test_the_audit_writes_a_command_that_completes_several_rows_once() -> None:
    named_twice = {named(defense, "ridge", 1) for defense in ("dropout:rate=0.3,where=input", "undefended")}
    board = [each for each in full() if each.cell_id not in named_twice]

    first, *others = [each.sentence for each in audit(board, {}) if each.name == "incomplete"]

    assert "mia-bench run" in first
    assert others
    assert not [sentence for sentence in others if "mia-bench run" in sentence]
    assert all(sentence.endswith("The command above completes it, too") for sentence in others)


def test_rank_and_report_tell_what_is_missing_and_the_command(tmp_path: Path) -> None:
    board = tmp_path / "board.csv"
    lost = {named("dropout:rate=0.3,where=input", "ridge", seed) for seed in (0, 1)}
    to_frame(each for each in full() if each.cell_id not in lost).to_csv(board, index=False)

    ranked = mia_bench("rank", board)
    reported = mia_bench("report", board, "-o", tmp_path / "page.html")

    assert ranked.exit_code == reported.exit_code == 0
    assert "dropout:rate=0.3,where=input lacks ridge at seeds 0, 1 (missing)" in ranked.stderr
    command = next(line.strip() for line in ranked.stderr.splitlines() if "mia-bench run" in line)
    assert command in (tmp_path / "page.html").read_text()
