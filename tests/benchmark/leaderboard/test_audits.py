"""Each flag is raised on a planted fault and on nothing honest."""

import json
import random
from itertools import combinations
from pathlib import Path
from typing import Any, ClassVar

import pytest
from mia_bench.benchmark.leaderboard import audits
from mia_bench.benchmark.leaderboard.auditing import audit
from mia_bench.benchmark.leaderboard.audits.comparisons import MARGIN_DB
from mia_bench.benchmark.leaderboard.flag_kinds import FLAG_KINDS
from mia_bench.benchmark.leaderboard.flag_notices import details, notice
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.scored_rows import ScoredRows, psnr
from mia_bench.benchmark.registry import Entry, declared
from mia_bench.defenses.undefended import Undefended

from .test_ranking import record

SPREAD = [-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0, 0.0]


def cell(attack: str, decibels: float, *, details: dict[str, float] | None = None, **facts: Any) -> Record:
    """A cell of eight images around a mean PSNR."""
    row = {
        "psnr_db_low": decibels - 0.4,
        "psnr_db_high": decibels + 0.4,
        "defense_params": json.dumps(facts.pop("defense_params", {})),
        "attack_params": json.dumps({"observations": 1, **facts.pop("attack_params", {})}),
    } | facts
    row["cell_id"] = "-".join(map(str, (attack, row["defense_params"], row["attack_params"], row.get("seed", 0))))
    made = record("dp_ir", attack, [decibels + each for each in SPREAD], [0.1] * 8, **row)
    return made.model_copy(update={"details": details or {}})


def on(defense: str, attack: str, decibels: float, **facts: Any) -> Record:
    """Such a cell of another defense."""
    made = cell(attack, decibels, **facts)
    row = made.row.model_copy(update={"defense": defense, "cell_id": f"{defense}-{made.row.cell_id}"})
    return made.model_copy(update={"row": row})


def flags(*cells: Record, at_hand: bool = True) -> list[str]:
    records = {each.row.cell_id: each for each in cells}
    found = audit([each.row for each in cells], records if at_hand else {})
    return [flag.name for flag in found if flag.name != "incomplete"]  # see test_completion_commands.py


def of_classes(same: float, high: float, mean: float = 14.0) -> dict[str, float]:
    return {
        "psnr_db_wrong_image": 9.0,
        "psnr_db_same_class": same,
        "psnr_db_above_same_class": high - 0.2,
        "psnr_db_above_same_class_high": high,
        "psnr_db_class_mean": mean,
    }


HONEST = (
    cell("mean_image", 12.0, access="query_free", details={"psnr_db_wrong_image": 12.0, "aux_overlap": 0}),
    cell("ridge", 19.0, bound_psnr_db=80.0, details={"psnr_db_wrong_image": 9.0, "aux_overlap": 0}),
    cell("ridge", 22.0, attack_params={"observations": 4}, details=of_classes(12.0, 10.3)),
    cell("black_box", 20.0, attack_params={"aux": "same_distribution"}),
    cell("white_box", 21.0, access="white_box"),
    cell("query_free", 12.1, access="query_free", details={"psnr_db_wrong_image": 12.05}),
    cell("ridge", 17.0, defense_params={"sigma": 2.0}),
    cell("ridge", 20.0, defense_params={"sigma": 0.5}),
    cell("ridge", 20.0, epsilon=8.0, attack_params={"observations": 4}, defense_params={"releases": 4}),
    cell("ridge", 20.0, attack_params={"observations": 9}, defense_params={"releases": 8}),
    cell(
        "ridge", 20.0, attack_params={"alpha": 2.0}, identified=0.375, bound_identified=0.127
    ),  # by chance in 7 of 100
)


@pytest.mark.parametrize("at_hand", [True, False])
def test_an_honest_board_has_no_flags(at_hand: bool) -> None:
    assert flags(*HONEST, at_hand=at_hand) == []


MEAN = HONEST[0]
RIDGE = cell("ridge", 19.0)
FAULTS = {
    "beats-bound": (cell("ridge", 19.0, bound_psnr_db=15.0),),
    "beats-identification-bound": (
        cell("ridge", 19.0, epsilon=0.01, guarantee="local DP", identified=0.75, bound_identified=0.127),
    ),
    "black-box-beats-white-box": (RIDGE, cell("white_box", 15.0, access="white_box")),
    "noise-helps": (
        cell("ridge", 15.0, defense_params={"sigma": 0.5, "clip": None}),
        cell("ridge", 17.0, defense_params={"sigma": 2.0, "clip": None}),
    ),
    "observations-hurt": (RIDGE, cell("ridge", 17.0, attack_params={"observations": 16})),
    "below-mean-image": (MEAN, cell("query_free", 10.0)),
    "promise-exceeded": (
        cell("ridge", 19.0, epsilon=8.0, attack_params={"observations": 4}, defense_params={"releases": 2}),
    ),
    "defense-changes-nothing": (on("nopeek", "ridge", 19.0), on("undefended", "ridge", 19.0)),
    "mixed-versions": (on("nopeek", "ridge", 19.0, attack_version=2), on("dropout", "ridge", 18.0, attack_version=3)),
    "mixed-code": (cell("ridge", 19.0, accuracy=0.9946), cell("white_box", 21.0, access="white_box", accuracy=0.1869)),
    "unread-wire": (
        on("undefended", "ridge", 22.0, accuracy=0.99, attribute="class", attribute_accuracy=0.95),
        on("codec", "ridge", 12.4, accuracy=0.99, attribute="class", attribute_accuracy=0.27),
    ),
    "below-linear-decoder": (RIDGE, cell("black_box", 17.0, attack_params={"aux": "same_distribution"})),
}


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_raises_its_flag_and_no_other(name: str, at_hand: bool) -> None:
    assert flags(*FAULTS[name], at_hand=at_hand) == [name]


def test_byte_strings_that_an_attack_reads_have_no_flag() -> None:
    assert flags(MEAN, cell("ridge", 19.0, details={"unread_bytes": 1.0})) == []


def test_images_are_identified_among_those_that_the_bound_is_on() -> None:
    promised = {"epsilon": 0.01, "guarantee": "local DP", "identified": 0.1, "bound_identified": 0.127}
    assert flags(cell("ridge", 19.0, **promised, details={"identified_among_attacked": 0.1})) == []
    assert flags(cell("ridge", 19.0, **promised, details={"identified_among_attacked": 0.75})) == [
        "beats-identification-bound"
    ]


@pytest.mark.parametrize(
    ("usual", "defended"),
    [
        (0.95, {"accuracy": 0.99, "attribute_accuracy": 0.9}),  # read as well
        (0.95, {"accuracy": 0.5, "attribute_accuracy": 0.27}),  # the server does not read it, either
        (0.95, {"accuracy": 0.99, "attribute_accuracy": 0.1, "guarantee": "AES-256-GCM"}),
        (0.43, {"accuracy": 0.99, "attribute_accuracy": 0.1}),  # the classifier is too weak to judge
    ],
)
def test_wires_that_may_be_hard_to_read_have_no_flag(usual: float, defended: dict[str, Any]) -> None:
    plain = on("undefended", "ridge", 22.0, accuracy=0.99, attribute="class", attribute_accuracy=usual)

    assert flags(plain, on("codec", "ridge", 12.4, attribute="class", **defended)) == []


def test_an_unread_wire_is_named_once_by_an_attack() -> None:
    plain, unread = FAULTS["unread-wire"]
    reference = on("codec", "mean_image", 12.0, accuracy=0.99, attribute="class", attribute_accuracy=0.27)

    found = audit([each.row for each in (plain, unread, reference)], {})

    assert [flag.subject for flag in found if flag.name == "unread-wire"] == ["ridge on codec"]


CHANCE = {"accuracy_images": 400, "details": {"chance": 0.025}}
DETAILED = {
    "target-near-chance": (on("undefended", "ridge", 19.0, accuracy_undefended=0.0275, **CHANCE),),
    "ignores-wire": (MEAN, cell("ridge", 14.0, details={"psnr_db_wrong_image": 13.9})),
    "class-only": (MEAN, cell("ridge", 14.0, details=of_classes(13.9, 0.3))),
    "aux-overlap": (cell("ridge", 19.0, details={"aux_overlap": 3}),),
    "beats-bound": (cell("ridge", 19.0, bound_psnr_db=80.0, details={"bound_psnr_of_mean_mse_db_high": 15.0}),),
    "unread-bytes": (MEAN, cell("ridge", 12.1, details={"unread_bytes": 1.0})),
    "unseen-messages": (cell("ridge", 19.0, wire_bytes=2048.0, details={"unseen_bytes": 1024.0}),),
}


def exact(attack: str, decibels: float, unbiased: float | None, **facts: Any) -> Record:
    """A cell of eight images that are all equally good, behind noise with a density."""
    details = {} if unbiased is None else {"dfil_unbiased_psnr_db": unbiased}
    made = cell(attack, 50.0, details=details, **{"leak_r2": 1.0} | facts)
    row = made.row.model_copy(update={"psnr_db": decibels, "psnr_db_low": decibels, "psnr_db_high": decibels})
    images = made.per_image.model_copy(update={"psnr_db": [decibels] * 8})
    return made.model_copy(update={"row": row, "per_image": images})


DETAILED["exact-behind-noise"] = (exact("peeking", 100.0, 8.0),)


@pytest.mark.parametrize(
    "honest",
    [
        exact("ridge", 100.0, 85.0),  # hardly any noise
        exact("ridge", 60.0, 8.0),
        exact("mean_image", 100.0, 8.0, access="query_free"),
        exact("ridge", 100.0, 8.0, leak_r2=None),  # all images are equal
        exact("ridge", 100.0, None),  # no density, as behind dropout
    ],
)
def test_exact_scores_that_noise_allows_are_not_flagged(honest: Record) -> None:
    assert flags(honest) == []


@pytest.mark.parametrize("name", DETAILED)
def test_what_only_the_records_tell_is_flagged_where_they_are_at_hand(name: str) -> None:
    assert flags(*DETAILED[name]) == [name]
    assert flags(*DETAILED[name], at_hand=False) == []


def test_an_attack_below_the_smallest_error_of_the_prior_beats_a_bound() -> None:
    def attack(bound: float) -> Record:
        return cell("ridge", 19.0, details={"bound_van_trees_psnr_db": bound})

    assert flags(attack(15.0)) == ["beats-bound"]
    assert flags(attack(18.95)) == []


def test_an_attack_that_recovers_the_class_alone_is_told_what_the_classes_are_worth() -> None:
    rows = MEAN, cell("ridge", 14.0, details=of_classes(13.9, 0.3, 14.2))

    (flag,) = audit([each.row for each in rows], {each.row.cell_id: each for each in rows})

    assert "13.90 dB on other images of the same class" in flag.sentence
    assert "the mean images of the true classes score 14.20 dB" in flag.sentence


def test_a_gap_between_images_of_a_class_that_may_be_large_is_no_flag() -> None:
    assert flags(MEAN, cell("ridge", 14.0, details=of_classes(13.4, 1.1))) == []


def test_cells_of_equal_or_unknown_versions_and_of_other_scenarios_are_no_flag() -> None:
    versions = {"nopeek": 3, "dropout": 3, "topk": None}
    rows = [on(defense, "ridge", 19.0, attack_version=version) for defense, version in versions.items()]

    older = on("nopeek", "ridge", 19.0, attack_version=2).row
    others = [older.model_copy(update=scenario) for scenario in ({"split": "pool2"}, {"n_images": 16})]

    assert [flag.name for flag in audit([*(each.row for each in rows), *others], {}) if flag.name != "incomplete"] == []


def test_the_older_version_is_flagged_and_told_beside_the_newer_one() -> None:
    old, new = (on(defense, "ridge", 19.0, attack_version=version) for defense, version in (("topk", 2), ("fisher", 3)))

    (flag,) = audit([new.row, old.row], {})

    assert flag.cell_ids == (old.row.cell_id, new.row.cell_id)
    assert flag.sentence.endswith("is of version 2 of the attack, and fisher of 3")


def test_an_older_protected_model_is_flagged_with_both_figures() -> None:
    old = cell("ridge", 19.0, accuracy=0.9946, finished_at="2026-11-27T10:00:00")
    new = cell("white_box", 21.0, access="white_box", accuracy=0.1869, finished_at="2026-11-28T10:00:00")

    (flag,) = audit([new.row, old.row], {})

    assert flag.cell_ids == (old.row.cell_id, new.row.cell_id)
    assert flag.sentence.endswith("has accuracy 0.9946, and white_box 0.1869 on the same defense and seed")


@pytest.mark.parametrize(
    ("column", "here", "there", "doubted"),
    [
        ("client_macs", 1000, 1001, True),
        ("wire_bytes", 1000.0, 1100.0, True),
        ("wire_bytes", 251.0, 255.0, False),
        ("epsilon", 1.0, 2.0, True),
        ("epsilon", 1.0, 1.001, False),
        ("accuracy", 0.80, 0.83, False),
        ("client_ms", 1.0, 9.0, False),
    ],
)
def test_facts_of_one_protected_model_may_differ_by_no_more_than_rounding_and_training(
    column: str, here: float, there: float, doubted: bool
) -> None:
    cells = cell("ridge", 19.0, **{column: here}), cell("white_box", 21.0, access="white_box", **{column: there})

    assert flags(*cells) == (["mixed-code"] if doubted else [])


def test_other_seeds_and_parameters_are_other_protected_models() -> None:
    assert flags(cell("ridge", 19.0, accuracy=0.9), cell("ridge", 19.0, accuracy=0.1, seed=1)) == []
    assert flags(cell("ridge", 19.0, wire_bytes=9.0), on("nopeek", "ridge", 18.0, wire_bytes=99.0)) == []


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


def test_a_difference_within_the_interval_or_the_margin_is_no_flag() -> None:
    assert flags(RIDGE, cell("white_box", 18.6, access="white_box")) == []
    assert flags(MEAN, cell("query_free", 11.85)) == []
    assert flags(cell("ridge", 15.3, bound_psnr_db=15.0)) == []


def test_rows_that_are_not_alike_are_not_compared() -> None:
    assert flags(RIDGE, cell("white_box", 15.0, access="white_box", seed=1)) == []
    assert flags(RIDGE, cell("black_box", 15.0, attack_params={"aux": "random"})) == []
    assert flags(cell("ridge", 15.0, split="a"), cell("ridge", 17.0, defense_params={"sigma": 2.0}, split="b")) == []
    sigma, epsilon = {"sigma": 0.5, "epsilon": None}, {"sigma": None, "epsilon": 1.0}
    assert flags(cell("ridge", 15.0, defense_params=sigma), cell("ridge", 17.0, defense_params=epsilon)) == []


def test_a_smaller_epsilon_is_more_noise() -> None:
    more, less = ({"sigma": None, "epsilon": epsilon} for epsilon in (1.0, 8.0))

    assert flags(cell("ridge", 17.0, defense_params=more), cell("ridge", 15.0, defense_params=less)) == ["noise-helps"]
    assert flags(cell("ridge", 15.0, defense_params=more), cell("ridge", 17.0, defense_params=less)) == []


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_of_all_surely_rising_pairs_the_one_that_rises_most_is_named(seed: int, at_hand: bool) -> None:
    draw = random.Random(seed)
    drawn = [(0.1 * draw.randrange(30), draw.choice([14.0, 15.0, draw.gauss(15, 1)])) for _ in range(40)]
    cells = [cell("ridge", high, defense_params={"sigma": sigma}) for sigma, high in dict(drawn).items()]
    for each in cells:
        each.per_image.psnr_db[:] = [value + draw.gauss(0, 0.5) for value in each.per_image.psnr_db]
    board = ScoredRows([each.row for each in cells], {each.row.cell_id: each for each in cells} if at_hand else {})

    found = [finding.cell_ids for finding in FLAG_KINDS["noise-helps"].find(board)]

    by_strength = sorted(board.rows, key=lambda row: json.loads(row.defense_params)["sigma"])
    rising = [(a, b) for a, b in combinations(by_strength, 2) if board.exceeds(b, a, MARGIN_DB)]
    rising.sort(key=lambda pair: psnr(pair[0]) - psnr(pair[1]))
    assert found == [(a.cell_id, b.cell_id) for a, b in rising[:1]]
    assert rising


def test_an_attack_below_its_score_on_a_noisy_wire_is_flagged_on_the_undefended_one() -> None:
    exact, noisy = on("undefended", "white_box", 21.0), cell("white_box", 25.0, defense_params={"sigma": 1.0})
    noisier = cell("white_box", 23.0, defense_params={"sigma": 2.0})

    (flag,) = (flag for flag in audit([each.row for each in (noisier, exact, noisy)], {}) if flag.name != "incomplete")

    assert (flag.name, flag.cell_ids) == ("noise-helps", (exact.row.cell_id, noisy.row.cell_id))
    assert "scores 21.00 dB, and 25.00 dB on the stronger dp_ir" in flag.sentence


@pytest.mark.parametrize(
    "other",
    [
        cell("white_box", 21.4, defense_params={"sigma": 1.0}),
        cell("white_box", 25.0, defense_params={"sigma": 1.0}, split="earlier"),
        on("dp_sgd", "white_box", 25.0),
    ],
    ids=["within the margin", "another split", "another network"],
)
def test_what_may_be_better_than_the_undefended_wire_is_not_flagged(other: Record) -> None:
    assert flags(on("undefended", "white_box", 21.0), other) == []


def test_a_flag_names_the_doubtful_cell_first_and_says_the_figures() -> None:
    ridge, white = FAULTS["black-box-beats-white-box"]

    (flag,) = audit([ridge.row, white.row], {})

    assert flag.cell_ids == (white.row.cell_id, ridge.row.cell_id)
    assert flag.sentence.startswith("white_box on dp_ir (")
    assert "scores 15.00 dB" in flag.sentence
    assert "4.00 dB below ridge (19.00 dB)" in flag.sentence


def test_rows_without_a_score_are_passed_over() -> None:
    assert flags(cell("white_box", 1.0, access="white_box", status="failed", psnr_db=None), RIDGE) == []


def test_a_cell_is_doubted_once_by_each_audit_however_often_it_is_compared() -> None:
    twice = cell("mean_image", 12.0, attack_params={"observations": 4})

    assert flags(MEAN, twice, cell("query_free", 10.0)) == ["below-mean-image"]


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


def test_an_attack_at_the_mean_image_does_not_show_that_a_defense_does_nothing() -> None:
    cells = [on(name, attack, 12.0, access="query_free") for name in ("tee", "undefended") for attack in BLIND]

    assert flags(*cells) == []


BLIND = ("mean_image", "query_free")


def test_a_foreign_decoder_below_the_linear_one_is_flagged() -> None:
    assert flags(RIDGE, cell("their_decoder", 13.9)) == ["below-linear-decoder"]
    assert flags(RIDGE, cell("their_decoder", 13.9, access="query_free")) == []
    assert flags(RIDGE, cell("their_decoder", 13.9, attack_params={"observations": 4})) == []


def test_an_attack_with_weights_below_the_linear_decoder_is_flagged_once() -> None:
    strong, weak = (cell("white_box", high, access="white_box", attack_params={"tv": high}) for high in (20.0, 15.0))

    assert flags(RIDGE, strong, weak) == ["below-linear-decoder"]
    assert flags(RIDGE, weak) == ["black-box-beats-white-box"]


AES = {"guarantee": "AES-256-GCM, simulated enclave"}
SEARCHES = {"nearest": "black_box", "query_free": "query_free", "white_box": "white_box"}


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("attack", SEARCHES)
def test_an_attack_below_the_mean_image_on_ciphertexts_did_not_fail(attack: str, at_hand: bool) -> None:
    low = cell(attack, 9.7, access=SEARCHES[attack], **AES)
    mean, ridge = (cell(name, 12.0, access=access, **AES) for name, access in BLIND_ACCESS.items())

    assert flags(mean, ridge, low, at_hand=at_hand) == []


BLIND_ACCESS = {"mean_image": "query_free", "ridge": "black_box"}


@pytest.mark.parametrize(
    "facts",
    [{"guarantee": "none"}, {"guarantee": "(eps, delta)-local DP per release", "epsilon": 1.0}, AES],
    ids=["no promise", "noise", "a promise that another attack refutes"],
)
def test_a_failed_search_on_a_wire_that_can_be_read_is_flagged(facts: dict[str, Any]) -> None:
    refuted = [cell("their_attack", 18.0, **facts)] if facts is AES else []
    mean, ridge = (cell(name, 12.0, access=access, **facts) for name, access in BLIND_ACCESS.items())
    low = cell("nearest", 9.7, **facts)

    assert {"below-mean-image", "below-linear-decoder"} <= {*flags(mean, ridge, low, *refuted)}
    assert flags(mean, low) == ["below-mean-image"]


def test_the_strength_of_a_foreign_defense_is_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    less, more = (on("their_noise", "ridge", high, defense_params={"width": w}) for high, w in ((15, 0.1), (17, 0.9)))
    assert flags(less, more) == []  # it is not installed

    class TheirNoise(Undefended):
        stronger_with: ClassVar[Any] = {"width": 1}

    entry = Entry(kind="defenses", name="their_noise", target="a:TheirNoise", package="theirs", version="1")
    monkeypatch.setattr(declared, "find", lambda kind, name: entry)
    monkeypatch.setattr(declared, "load", lambda entry: TheirNoise)
    assert flags(less, more) == ["noise-helps"]
