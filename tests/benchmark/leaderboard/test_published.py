"""The published figures, against a transcription of some cells typed by hand."""

import json
from pathlib import Path

import pytest
from mia_bench.benchmark import registry
from mia_bench.benchmark.leaderboard.loading import BoardRow, load_board_rows
from mia_bench.benchmark.registry.specs import instantiate, resolve

ROOT = Path(__file__).parents[3]
ROWS, PUBLISHED = load_board_rows(ROOT / "results" / "papers" / "he2019.csv")

TYPED = [  # table, split, attack, aux, shadow, PSNR, SSIM
    ("Table 3", "conv1", "white_box", None, None, 39.69, 0.9969),
    ("Table 3", "relu22", "white_box", None, None, 19.47, 0.6940),
    ("Table 3", "relu32", "white_box", None, None, 13.38, 0.1625),
    ("Table 4", "relu2", "black_box", "same_set", None, 20.35, 0.7334),
    ("Table 4", "conv1", "black_box", "same_distribution", None, 40.72, 0.9950),
    ("Table 4", "conv11", "black_box", "random", None, 48.59, 0.9996),
    ("Table 4", "relu32", "black_box", "random", None, 12.37, 0.0440),
    ("Table 6", "conv1", "query_free", "same_set", "same", 17.60, 0.7423),
    ("Table 6", "conv11", "query_free", "same_distribution", "same", 21.45, 0.9145),
    ("Table 6", "relu2", "query_free", "same_set", "different", 8.05, 0.3790),
    ("Table 6", "relu22", "query_free", "same_distribution", "different", 11.30, 0.0467),
    ("Table 8", "conv11", "black_box", "same_set", None, 49.87, 0.9993),
    ("Table 8", "conv1", "shadow_query", "same_set", None, 39.67, 0.9968),
    ("Table 8", "relu32", "shadow_query", "same_set", None, 12.61, 0.1145),
]


@pytest.mark.parametrize(("table", "split", "attack", "aux", "shadow", "psnr", "ssim"), TYPED)
def test_a_cell_says_what_the_paper_says(
    table: str, split: str, attack: str, aux: str | None, shadow: str | None, psnr: float, ssim: float
) -> None:
    def fits(row: BoardRow) -> bool:
        params = json.loads(row.values["attack_params"])
        return (
            f" {table}," in row.values["source"]
            and (row.values["split"], row.values["attack"]) == (split, attack)
            and (params.get("aux"), params.get("shadow")) == (aux, shadow)
        )

    (row,) = filter(fits, ROWS)

    assert (row.number("psnr_db"), row.number("ssim")) == (psnr, ssim)


def test_the_tables_are_whole_and_each_row_names_another_cell() -> None:
    tables = [row.values["source"].split(", ")[4] for row in ROWS]

    assert PUBLISHED
    assert {table: tables.count(table) for table in tables} == {
        "Table 3": 5,
        "Table 4": 15,
        "Table 6": 20,
        "Table 8": 10,
    }
    assert len({row.values["source"] for row in ROWS}) == len(ROWS)
    assert {row.values["n_images"] for row in ROWS} == {10}


def test_every_row_resolves_to_components_with_valid_parameters_and_a_layer() -> None:
    for row in ROWS:
        values = row.values
        assert values["dataset"] in registry.names("datasets")
        resolve("defenses", values["defense"], json.loads(values["defense_params"]))
        model = resolve("models", values["model"], {}).component
        shape = (1, 28, 28) if values["dataset"] == "mnist" else (3, 32, 32)
        assert values["split"] in dict(getattr(model, "build")(shape, 10).named_children())  # noqa: B009
        if values["attack"] == "shadow_query" and "shadow_query" not in registry.names("attacks"):
            continue  # not written yet
        attack = instantiate(registry.find("attacks", values["attack"]), json.loads(values["attack_params"]))
        assert getattr(attack, "access") == values["access"]  # noqa: B009
