"""Every attack works on every kind of wire, or says in a sentence why it does not."""

from typing import Any, cast

import pytest
import torch
from mia_bench.attacks import _ensemble
from mia_bench.attacks._decoders import fitting, folds
from mia_bench.attacks._inversion import correction, weight_search
from mia_bench.attacks._inversion import map as _map
from mia_bench.attacks._priors import expectation_maximization, fit
from mia_bench.benchmark import registry
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.evaluation.observe import observe, overhear
from mia_bench.benchmark.interfaces import Access, Attack, Reconstruction

from ..helpers.wires import PLACES, pools, victim

PARAMS = {
    "epochs": 1,
    "steps": 3,
    "iterations": 3,
    "restarts": 1,
    "rounds": 1,
    "turn": 2,
    "hourglass": 4,
    "prior_steps": 2,
    "samples": 2,
}
ATTACKS = [name for name in registry.names("attacks") if registry.find("attacks", name).package == "mia-bench"]
COSTLY = {"auto", "auto_black_box", "auto_query_free", "black_box", "feature_match", "prior_denoiser", "white_box"}
KINDS: dict[str, list[str]] = {"auto": list(PLACES)[::2], "auto_query_free": list(PLACES)[1::2]}
"""Kinds of wires for the ensembles, each of which is tried on half of them; their members are tried on all."""
REFUSED = {"pinv"}
"""Attacks that may refuse a network: most of these are not affine."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ensemble has no parameters to make it quick."""
    monkeypatch.setattr(_ensemble, "ITERATIONS", 2)
    monkeypatch.setattr(folds, "NUM_FOLDS", 2)
    for module in (_map, fit):
        monkeypatch.setattr(module, "WEIGHTS", (0.1,))
    monkeypatch.setattr(expectation_maximization, "PATCHES", 300)
    monkeypatch.setattr(_ensemble, "LARGE_IMAGE_PIXELS", 100)
    monkeypatch.setattr(correction, "EPOCHS", 2)
    monkeypatch.setattr(weight_search, "WEIGHTS", (0.1,))
    recipe = fitting.DecoderRecipe(epochs=1, steps=2, least=1)
    monkeypatch.setattr("mia_bench.attacks.feature_match.MIN_WIRES", 1)
    for name in ("auto", "auto_black_box", "_substitute_decoding"):
        monkeypatch.setattr(f"mia_bench.attacks.{name}.DecoderRecipe", lambda: recipe)


def make(name: str) -> Attack:
    kind: Any = registry.load(registry.find("attacks", name))
    return cast(Attack, kind(**{key: value for key, value in PARAMS.items() if key in kind.model_fields}))


def attacked(attack: Attack, kind: str) -> torch.Tensor:
    torch.manual_seed(2)  # not that of the network, whose untrained copy would then be equal to it
    model, data = victim(kind), pools(kind)
    images = data.private.images
    seen = observe(attack, model, overhear(model, images), pools=data, originals=images, identity="test")
    return Reconstruction.of(attack.reconstruct(seen)).images


def images_or_reason(attack: Attack, kind: str) -> torch.Tensor | str:
    try:
        return attacked(attack, kind)
    except Inapplicable as refusal:
        return str(refusal)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=[pytest.mark.slow] if name in COSTLY else [])
        for name in ATTACKS
        for kind in KINDS.get(name, PLACES)
    ],
)
def test_an_attack_gives_images_for_every_kind_of_wire_or_a_reason(name: str, kind: str) -> None:
    truth = pools(kind).private.images
    images = images_or_reason(make(name), kind)
    if isinstance(images, str):
        assert name in REFUSED
        assert images.startswith("Expected ")
        return
    assert images.shape == truth.shape
    assert images.isfinite().all()
    assert images.min() >= 0
    assert images.max() <= 1


def test_the_table_has_attacks_of_every_access() -> None:
    assert {make(name).access for name in ATTACKS} == set(Access)
