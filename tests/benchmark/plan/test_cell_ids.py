"""The identities of cells, from which `cell_id` is hashed, stay those of the reference boards."""

from typing import Any

import pytest
from mia_bench.benchmark.plan.cells import Cell, Setting
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.registry.literals import parse
from mia_bench.benchmark.registry.specs import resolve
from mia_bench.benchmark.utils.cache import digest

VERSIONS = {"protocol", "recipe", "version", "fast"}
"""What is raised on purpose, and therefore not pinned here."""
DATA = "0123456789abcdef"
"""Stands for the fingerprint of the data."""
CELLS = [  # digest, dataset and model and split, defense, attack, seed; the rows of several boards in results/reference
    ("89b7ae88149b09d9", "mnist lenet5 conv1", "undefended", "black_box:aux=random", 1),  # he2019
    ("b4ab9627e8cd0f24", "cifar10 vgg relu11", "tee:exit=pool1", "auto", 0),  # benkraouda2021
    ("908a322e21c3fe3e", "cifar10 cnn6 relu22", "deeper_client:to=pool2", "mean_image", 0),  # defenses
    (
        "3c30178046a96b66",
        "mnist lenet5 pool2",
        "dropout:rate=0.2",
        "white_box:iterations=500,tv=0.0,adaptive=False",
        0,
    ),  # he2021
    ("68f424f694f4b5fe", "cifar10 cnn6 relu22", "dp_ir:sigma=0.4", "ridge", 0),  # he2021
    ("fd92f656c3be9b58", "mnist lenet5 relu2", "undefended", "query_free:shadow=different", 1),  # he2019; six restarts
    ("71c89da467ff4d3d", "mnist lenet5 conv2", "undefended", "auto_query_free", 0),  # he2019-layers
    ("55e67beed0c79832", "cifar10 cnn6 conv11", "undefended", "shadow_query:aux=same_set", 0),  # he2019
    ("000ca004df6119fe", "cifar10 vgg relu11", "tee:exit=pool1", "encoder_decoder", 0),  # benkraouda2021
    ("9a0b9b2620487946", "cifar10 cnn6 relu22", "dp_input", "auto", 0),  # defenses
    ("6cf2cc5dc133d817", "cifar10 cnn6 relu22", "quantize:bits=1", "auto", 0),  # defenses
    ("6169fafbea1b8a96", "cifar10 cnn6 relu22", "shredder", "auto", 0),  # defenses
    ("adfbd040298ab635", "cifar10 cnn6 relu22", "topk:kept=0.05", "auto", 0),  # defenses
    ("7829792df77eea21", "mnist lenet5 relu2", "adversarial:adversary_weight=0.3", "auto", 0),  # defenses
    ("cf42c648735bbb14", "mnist lenet5 relu2", "ckks:accuracy_images=256", "auto", 0),  # defenses
    ("17779a03b29751d7", "mnist lenet5 relu2", "dp_sgd:noise_multiplier=0.5", "auto", 0),  # defenses
    ("5334cdd6e7fe501d", "mnist lenet5 relu2", "fc_before_send:width=16", "auto", 0),  # defenses
    ("3399dba19de4268b", "mnist lenet5 relu2", "nopeek:correlation_weight=0.5", "auto", 0),  # defenses
    ("dce46c0c5d781f23", "mnist lenet5 relu2", "vib:kl_weight=0.0001", "auto", 0),  # defenses
    ("f85ab9ac4992d742", "photos resnet relu1", "undefended", "black_box:epochs=5", 0),  # large-images
]


def without_versions(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_versions(each) for key, each in value.items() if key not in VERSIONS}
    return value


@pytest.mark.parametrize(("pinned", "place", "defense", "attack", "seed"), CELLS)
def test_the_identity_of_a_reference_cell_is_unchanged(
    pinned: str, place: str, defense: str, attack: str, seed: int
) -> None:
    dataset, model, split = place.split()
    setting = Setting(
        dataset=resolve("datasets", *parse(dataset)),
        model=resolve("models", *parse(model)),
        split=split,
        defense=resolve("defenses", *parse(defense)),
        seed=seed,
        images=64,
    )
    cell = Cell(setting, resolve("attacks", *parse(attack)))
    identity = cell.identity(DATA)
    assert cell.cell_id(DATA) == digest(identity)
    assert digest(without_versions(identity)) == pinned, "old records would be recomputed; the identity is now: " + str(
        identity
    )


def test_a_parameter_that_was_added_later_counts_only_if_it_is_set() -> None:
    plain, same, other = (
        resolve("defenses", *parse(f"ckks{given}")) for given in ("", ":standard=2018", ":standard=2024")
    )
    assert "standard" not in plain.identity["params"]
    assert plain.identity == same.identity
    assert other.identity["params"]["standard"] == "2024"


@pytest.mark.parametrize(
    ("dataset", "training"),
    [
        ("mnist", {"recipe": 2, "epochs": 8, "flip": False, "shift": 1}),
        ("photos", {"recipe": 2, "epochs": 25, "flip": True, "shift": 0}),
        ("cifar10", {"recipe": 2, "epochs": 8, "flip": True, "shift": 2, "fast": True}),
    ],
)
def test_the_training_is_part_of_the_identity_and_stays_as_it_was(dataset: str, training: dict[str, Any]) -> None:
    setting = plan(Request(dataset=dataset, attacks=["ridge"], defenses=["undefended"]))[0].setting

    assert setting.identity["training"] == training
