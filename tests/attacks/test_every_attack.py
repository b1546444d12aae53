"""What attacks reach on a small network; the contract of all attacks is tested in ``benchmark/checks``."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest
import torch
from mia_bench.attacks import _ensemble, auto, auto_black_box
from mia_bench.attacks._decoders.fitting import DecoderRecipe
from mia_bench.attacks._inversion import correction
from mia_bench.attacks._inversion import map as _map
from mia_bench.benchmark import registry
from mia_bench.benchmark.interfaces import Attack, Channel
from mia_bench.benchmark.metrics import psnr
from torch import Tensor

MAP = ["map_dec", "map_pca", "map_tv"]
QUICK: dict[str, dict[str, Any]] = {
    "black_box": {"epochs": 15},
    "encoder_decoder": {"epochs": 4},
    "ridge_skip": {"epochs": 3, "steps": 20},
    "white_box": {"iterations": 40},
    "deep_prior": {"iterations": 80, "hourglass": 8},
    **{name: {"iterations": 20, "epochs": 1, "steps": 20} for name in MAP},
}
pytestmark = pytest.mark.slow

LEARNERS = ["auto_black_box", "black_box", "encoder_decoder", "ridge", "ridge_skip"]
READERS = [*LEARNERS, *MAP, "auto", "white_box"]


@pytest.fixture(autouse=True)
def quick_ensemble(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ensemble has no parameters to make it quick."""
    for module in (auto, auto_black_box):
        monkeypatch.setattr(module, "DecoderRecipe", partial(DecoderRecipe, epochs=3, steps=20))  # vectors: 4,000 steps
    monkeypatch.setattr(_ensemble, "ITERATIONS", 20)
    monkeypatch.setattr(correction, "EPOCHS", 10)
    monkeypatch.setattr(_map, "WEIGHTS", (1e-3, 0.1))


def make(name: str, **params: Any) -> Attack:
    return cast(Attack, registry.load(registry.find("attacks", name))(**{**QUICK.get(name, {}), **params}))


class Noise(Channel):
    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return value + 0.3 * torch.randn_like(value)


@pytest.mark.parametrize(
    ("name", "split", "gain"),
    [
        *((name, "conv1", 8) for name in READERS if name != "black_box"),
        ("black_box", "conv1", 6),
        *((name, split, 1.5) for name in LEARNERS for split in ("relu2", "fc1")),
        ("auto", "fc1", 2),
        ("map_dec", "relu2", 2),  # the priors differ, the search does not: each is tried at one deep split
        ("map_pca", "fc1", 2),
        ("map_tv", "relu2", 2),
        ("deep_prior", "conv1", 5),
        ("pinv", "conv1", 60),
        ("pinv", "relu1", 60),
        ("white_box", "relu1", 5),
        ("white_box", "relu2", 1.5),
    ],
)
def test_an_attack_that_reads_the_wire_beats_the_mean_image_clearly(
    name: str, split: str, gain: float, world: Callable
) -> None:
    victim = world(split)
    reference = psnr(victim.attacked_by(make("mean_image")), victim.private.images).mean()

    reached = psnr(victim.attacked_by(make(name)), victim.private.images).mean()

    assert reached > reference + gain


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learned_attack_beats_the_mean_image_on_a_noisy_wire(name: str, world: Callable) -> None:
    victim = world("conv1", Noise())
    reference = psnr(victim.attacked_by(make("mean_image")), victim.private.images).mean()

    assert psnr(victim.attacked_by(make(name)), victim.private.images).mean() > reference + 3


@pytest.mark.parametrize("name", ["black_box", "query_free"])
@pytest.mark.parametrize("source", ["same_set", "same_distribution", "random"])
def test_an_attack_declares_where_its_images_come_from(name: str, source: str) -> None:
    assert make(name, aux=source).aux_source == source
    assert make(name).aux_source == "same_distribution"
