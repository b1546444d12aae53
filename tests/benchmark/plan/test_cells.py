"""The cells that requests expand to."""

from typing import Any

from mia_bench.benchmark import registry
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request


def test_every_plan_has_the_reference_attack_and_the_undefended_model() -> None:
    cells = plan(Request(attacks=["ridge"], defenses=["dp_ir"]))

    assert [(cell.setting.defense.name, cell.attack.name) for cell in cells] == [
        ("undefended", "ridge"),
        ("undefended", "mean_image"),
        ("dp_ir", "ridge"),
        ("dp_ir", "mean_image"),
    ]


def test_cells_that_differ_in_a_parameter_have_labels_that_tell_them_apart() -> None:
    size = {"name": "photos", "size": 96}
    requests = [
        Request(dataset=dataset, model=model, splits=["stage1"], attacks=["ridge"], defenses=["dp_ir:sigma=0.5"])
        for dataset in ("photos", size)
        for model in ("plain", "plain:depth=3")
    ]

    labels = [cell.label for cell in plan(*requests)]

    assert len(set(labels)) == len(labels) == 4 * 4
    assert "photos:size=96 plain:depth=3 stage1 dp_ir:sigma=0.5 seed 0 ridge" in labels


def test_without_names_a_plan_has_all_standard_attacks_and_all_built_in_defenses() -> None:
    cells = plan(Request())

    assert {cell.setting.defense.name for cell in cells} == set(registry.names("defenses"))
    assert {cell.attack.name for cell in cells} == {
        *("auto", "encoder_decoder", "mean_image", "query_free", "ridge", "white_box")
    }


def test_everything_a_score_depends_on_changes_the_cell() -> None:
    def ids(**change: Any) -> str:
        request = Request(**{"attacks": ["ridge"], "defenses": ["dp_ir"], "images": 4, **change})
        return plan(request)[-2].cell_id("data")

    variants = [
        ids(),
        ids(images=5),
        ids(seeds=[1]),
        ids(splits=["conv2"]),
        ids(model="cnn6", splits=["conv11"]),
        ids(defenses=["dp_ir:sigma=0.2"]),
        ids(attacks=["ridge:strength=0.1"]),
        ids(dataset="photos:size=40"),
        plan(Request(attacks=["ridge"], defenses=["dp_ir"], images=4))[-2].cell_id("other data"),
    ]

    assert len(set(variants)) == len(variants)
    assert ids() == variants[0]


def test_the_parts_of_a_suite_share_the_cells_that_they_have_in_common() -> None:
    first = Request(attacks=["ridge"], defenses=["dp_ir"])
    second = Request(attacks=["white_box"], defenses=["dp_ir"])

    cells = plan(first, second)

    assert [(cell.setting.defense.name, cell.attack.name) for cell in cells] == [
        (defense, attack) for defense in ("undefended", "dp_ir") for attack in ("ridge", "mean_image", "white_box")
    ]


def test_an_option_needs_an_owner_in_one_part_only() -> None:
    parts = [
        Request(attacks=[name], defenses=["dropout"], options={"form": ["patch"]}) for name in ("ridge", "nearest")
    ]

    assert {cell.attack.label for cell in plan(*parts)} == {"ridge:form=patch", "nearest", "mean_image"}
