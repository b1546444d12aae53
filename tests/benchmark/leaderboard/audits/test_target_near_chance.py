"""Networks that have learned nothing, for each task."""

import pytest
from mia_bench.benchmark.leaderboard.auditing import audit

from .audited_cells import flags, on
from .planted_faults import CHANCE


def test_a_target_that_is_better_than_chance_is_not_doubted() -> None:
    assert flags(on("undefended", "ridge", 19.0, accuracy_undefended=0.06, **CHANCE)) == []


def test_a_target_near_chance_is_flagged_once() -> None:
    rows = [on(name, "ridge", 19.0, accuracy_undefended=0.02, **CHANCE) for name in ("dp_ir", "undefended")]
    rows[0] = rows[0].model_copy(update={"per_image": rows[0].per_image.model_copy(update={"psnr_db": [17.0] * 8})})

    (flag,) = audit([each.row for each in rows], {each.row.cell_id: each for each in rows})

    assert flag.cell_ids == (rows[1].row.cell_id,)
    assert "is right on 2.0% of 400 images" in flag.sentence
    assert flag.subject == f"{rows[1].row.model} on {rows[1].row.dataset}"


@pytest.mark.parametrize(
    ("utility", "details", "found"),
    [
        (-0.02, {"chance": 0.0}, ["target-near-chance"]),
        (0.3, {"chance": 0.0}, []),
        (0.3, {"chance": 0.25, "chance_high": 0.31}, ["target-near-chance"]),
        (0.4, {"chance": 0.25, "chance_high": 0.31}, []),
    ],
)
def test_a_target_of_another_task_is_compared_with_chance(
    utility: float, details: dict[str, float], found: list[str]
) -> None:
    facts = {"task": "regression", "utility": utility, "utility_metric": "r2", "accuracy_undefended": None}
    details = {**details, "utility_undefended": utility}

    assert flags(on("undefended", "ridge", 19.0, accuracy=None, details=details, **facts)) == found
