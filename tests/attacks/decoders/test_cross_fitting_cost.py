"""What keeps cross-fitting cheap, and its judges unseen."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mia_bench.attacks._decoders import linear, skip_network
from mia_bench.attacks._decoders.divided import Divided
from mia_bench.attacks._decoders.fitting import DecoderRecipe
from mia_bench.attacks._decoders.folds import num_to_invert
from mia_bench.attacks._decoders.linear import ROWS_PER_UNKNOWN, fit_linear
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._decoders.skip_network import fit_skip
from mia_bench.attacks._inversion import posterior
from mia_bench.attacks._inversion.lbfgs import Minimization
from mia_bench.attacks._inversion.map import fit_map
from mia_bench.attacks._inversion.map_priors import AroundMean, like_aux, smooth
from mia_bench.attacks._inversion.start import Start, prepare
from mia_bench.attacks.ridge import Ridge
from mia_bench.attacks.white_box import WhiteBox
from torch import Tensor


def few(victim, count: int) -> Divided:
    torch.manual_seed(0)
    return Divided(Queries(victim.seen_by(Ridge()), victim.aux.images[:count]))


@pytest.mark.parametrize(("pixels", "count"), [(28, 32), (32, 32), (40, 20), (64, 16), (224, 16)])
def test_large_images_have_half_the_judges(pixels: int, count: int) -> None:
    assert num_to_invert(32, torch.zeros(3, pixels, pixels)) == count


def test_a_correction_that_does_not_help_is_trained_for_one_fold(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, trained = few(world("conv1"), 40), []

    def noise(part: Queries, *_: object) -> Callable[[Tensor], Tensor]:
        trained.append(part)
        return lambda wires: torch.rand(len(wires), 1, 16, 16)

    monkeypatch.setattr(skip_network, "EXACT_MSE", 0.0)
    monkeypatch.setattr(skip_network, "_trained", noise)
    start = fit_linear(queries)

    decoder = fit_skip(queries, start, DecoderRecipe())

    assert trained == queries.parts[:1] * 2  # at two rates
    assert decoder.final is start.final.decode


def test_the_final_correction_is_the_mean_of_those_of_the_folds(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, levels = few(world("conv1"), 40), [0.4, 0.45, 0.5, 0.55]
    left = iter(levels)

    def constant(*_: object) -> Callable[[Tensor], Tensor]:
        level = next(left)
        return lambda wires: torch.full((len(wires), 1, 16, 16), level)

    monkeypatch.setattr(skip_network, "_trained", constant)
    monkeypatch.setattr(skip_network, "_error", lambda *_: 1.0)
    monkeypatch.setattr(skip_network, "SMALL_GAIN", 1.0)

    decoder = fit_skip(queries, fit_linear(queries), DecoderRecipe())

    assert len(decoder.each) == 4
    torch.testing.assert_close(decoder.final(torch.zeros(2, 3)), torch.full((2, 1, 16, 16), sum(levels) / 4))


def test_pairs_of_neighborhoods_do_not_grow_with_the_image(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, gather, rows = few(world("conv1"), 400), linear.Equations.gather, []

    def watched(vectors: Tensor, values: Tensor, **options: bool) -> linear.Equations:
        rows.append(len(vectors))
        return gather(vectors, values, **options)

    monkeypatch.setattr(linear.Equations, "gather", watched)

    fit_linear(queries, form="patch")

    features = queries.whole.observed.shape[1] * 25
    assert rows == [pytest.approx(ROWS_PER_UNKNOWN * features, rel=0.05)]


def test_all_folds_and_the_private_wires_are_searched_together(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = world("conv1")
    victim.aux = victim.aux[:20]
    torch.manual_seed(0)
    seen, searched, begin = victim.seen_by(WhiteBox()), [], posterior.Minimization
    start = prepare(seen, DecoderRecipe(epochs=1, steps=2), as_read=True)

    def watched(loss: Callable, images: Tensor, **options: Any) -> Minimization:
        searched.append(len(images))
        return begin(loss, images, **options)

    monkeypatch.setattr(posterior, "Minimization", watched)
    found = fit_map(seen, start, {"smooth": smooth}, weight=0.1, iterations=1)
    assert found is not None
    start.queries.answer(found[1], start.queries.whole.mean)

    assert searched == [12 + len(victim.private.images)]


@pytest.mark.parametrize("count", [2, 5, 20, 64])
def test_the_prior_of_the_judges_is_fitted_to_all_other_images(
    count: int, world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, fitted = few(world("conv1"), count), []
    monkeypatch.setattr(AroundMean, "of", lambda images: fitted.append(images) or SimpleNamespace())

    like_aux(Start(queries, linear=None, decoder=None))  # pyright: ignore[reportArgumentType]

    parts = len(queries.parts)
    for part, tuned, judged in zip(queries.parts, fitted[:parts], fitted[parts:], strict=False):
        known = {tuple(image.flatten().tolist()) for image in judged}
        judges = {tuple(image.flatten().tolist()) for image in part.images[part.judge]}
        assert len(tuned) == part.own
        assert known.isdisjoint(judges)
        assert len(judged) == count - len(judges)
    assert len(fitted[-1]) == count
