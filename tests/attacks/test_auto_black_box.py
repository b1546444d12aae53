"""The ensemble of decoders, for an attacker with queries and without weights."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from mia_bench.attacks import _ensemble, auto_black_box
from mia_bench.attacks._decoders.fitting import DecoderRecipe
from mia_bench.attacks._decoders.variations import varied, varied_more
from mia_bench.attacks.auto import Auto
from mia_bench.attacks.auto_black_box import AutoBlackBox
from mia_bench.attacks.auto_query_free import AutoQueryFree
from mia_bench.attacks.ridge_skip import RidgeSkip
from mia_bench.benchmark.interfaces import Attack, Channel
from mia_bench.benchmark.metrics import psnr
from mia_bench.benchmark.utils.ir_layout import IrLayout

from .decoders.test_lookup import LAYOUTS, Embedding, seen_through, tokens


class Secret(Channel):
    published = False


class Begun(Exception):
    """The decoder would be trained now."""


@pytest.mark.parametrize(
    ("attack", "channel", "larger"),
    [
        (AutoBlackBox(), None, True),
        (Auto(), Secret(), True),
        (Auto(), None, False),
        (AutoQueryFree(restarts=1, epochs=1, steps=2), None, False),
    ],
)
def test_a_larger_decoder_is_trained_where_no_search_takes_part(
    attack: Attack, channel: Channel | None, larger: bool, world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def prepare(_: object, recipe: DecoderRecipe, **options: object) -> None:
        asked.append((recipe.for_maps(), options["vary"]))
        raise Begun

    monkeypatch.setattr(_ensemble, "prepare", prepare)
    with pytest.raises(Begun):
        attack.reconstruct(world("conv1", channel).seen_by(attack))

    usual = DecoderRecipe()
    ((recipe, vary),) = asked
    assert (recipe.channels, recipe.epochs) == ((64, 16) if larger else (usual.channels, usual.epochs))
    assert vary is (varied_more if larger else varied)


def test_large_images_have_the_usual_decoder(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the channels take four times as long."""
    factors = []

    def prepare(_: object, recipe: DecoderRecipe, **__: object) -> None:
        factors.append(recipe.map_factor)
        raise Begun

    monkeypatch.setattr(_ensemble, "LARGE_IMAGE_PIXELS", 16 * 16)
    monkeypatch.setattr(_ensemble, "prepare", prepare)
    with pytest.raises(Begun):
        AutoBlackBox().reconstruct(world("conv1").seen_by(AutoBlackBox()))

    assert factors == [1]


def test_many_images_have_the_usual_copies(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def prepare(_: object, recipe: DecoderRecipe, **options: object) -> None:
        asked.append((recipe.map_factor, options["vary"]))
        raise Begun

    monkeypatch.setattr(_ensemble, "MAX_COPIED_IMAGES", 399)
    monkeypatch.setattr(_ensemble, "prepare", prepare)
    with pytest.raises(Begun):
        AutoBlackBox().reconstruct(world("conv1").seen_by(AutoBlackBox()))

    assert asked == [(2, varied)]


def test_vectors_have_the_copies_that_they_have_elsewhere() -> None:
    vector, maps = (IrLayout.of(torch.Size(shape), image=(1, 16, 16)) for shape in ((24,), (8, 8, 8)))

    assert varied_more(vector) == varied(vector)
    assert varied_more(maps).copies > varied(maps).copies


@pytest.mark.slow
def test_it_reconstructs_more_than_the_usual_decoder(world: Callable) -> None:
    victim = world("pool1")

    reached = {
        type(attack).__name__: psnr(victim.attacked_by(attack), victim.private.images).mean().item()
        for attack in (RidgeSkip(), AutoBlackBox())
    }

    assert reached["AutoBlackBox"] > reached["RidgeSkip"] + 2


def test_tables_take_part_behind_an_embedding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto_black_box, "DecoderRecipe", partial(DecoderRecipe, epochs=1, steps=4, channels=4))
    private = tokens(5)
    seen = replace(seen_through(Embedding(LAYOUTS["flat"], positions=True), private), client=None)

    rebuilt = AutoBlackBox().reconstruct(seen)

    assert rebuilt.selected == "lookup_value"
    torch.testing.assert_close(rebuilt.images, private)
