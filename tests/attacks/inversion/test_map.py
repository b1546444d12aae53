"""Maximum a posteriori inversion."""

import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from mia_bench.attacks._decoders import folds
from mia_bench.attacks._decoders.fitting import DecoderRecipe, apply
from mia_bench.attacks._inversion import gaussian
from mia_bench.attacks._inversion import map as _map
from mia_bench.attacks._inversion.gaussian import Gaussian
from mia_bench.attacks._inversion.map import CLEARLY_AHEAD, MapSearch, fit_map
from mia_bench.attacks._inversion.map_priors import (
    AroundMean,
    PriorFactory,
    Priors,
    Smooth,
    like_aux,
    like_decoded,
    smooth,
)
from mia_bench.attacks._inversion.posterior import Batch, Posterior
from mia_bench.attacks._inversion.start import Start, prepare
from mia_bench.attacks._priors import expectation_maximization
from mia_bench.attacks._priors.expectation_maximization import like_patches
from mia_bench.attacks.map_dec import MapDec
from mia_bench.attacks.map_patch import MapPatch
from mia_bench.attacks.map_pca import MapPca
from mia_bench.attacks.map_tv import MapTv
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark.checks.lab import Dropped
from mia_bench.benchmark.datasets.photos import Photos
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.evaluation.observe import observe
from mia_bench.benchmark.interfaces import Channel, Observation, SplitModel, Wire
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn

QUICK = DecoderRecipe(epochs=4)
PRIORS = [smooth, like_aux, like_decoded, like_patches]


class Oblivious(Dropped):
    """The same, and says nothing."""

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        return (value - sent).square().flatten(1).sum(1)


class Misleading(Channel):
    """Publishes a distance that is smallest far away."""

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        return (value + sent).square().flatten(1).sum(1)


class Watched(Smooth):
    """Says when it is asked."""

    def __init__(self, asked: list[Tensor]) -> None:
        self.asked = asked

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        self.asked.append(images)
        return super().penalty(images, starts)


class Negative:
    """Penalizes images that are not the negative of the start."""

    def penalty(self, images: Tensor, starts: Tensor) -> Tensor:
        return (images - (1 - starts)).square().mean((1, 2, 3))


def negative(start: Start) -> Priors:
    each = (Negative(),) * len(start.queries.parts)
    return Priors(each, each, Negative())


@pytest.fixture(scope="module")
def begin(world: Callable) -> Callable:
    """A victim, what is seen of it, and a decoder, which is trained once for each split and channel."""

    @functools.cache
    def begun(split: str, channel: type[Channel] = Channel) -> tuple[Any, Observation, Start]:
        victim = world(split, channel())
        torch.manual_seed(0)
        seen = victim.seen_by(WhiteBox())
        return victim, seen, prepare(seen, QUICK, as_read=True)

    return begun


def searched(
    seen: Observation,
    start: Start,
    priors: Mapping[str, PriorFactory],
    *,
    weight: float | None = None,
    iterations: int,
) -> MapSearch:
    found = fit_map(seen, start, priors, weight=weight, iterations=iterations)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.slow
def test_the_search_beats_its_start_on_images_that_nothing_was_fitted_to(prior: Callable, begin: Callable) -> None:
    victim, seen, start = begin("pool1")

    member = searched(seen, start, {"any": prior}, iterations=60)

    before, after = (
        psnr(start.queries.answer(each, start.queries.whole.mean).images, victim.private.images).mean()
        for each in (start.decoder, member)
    )
    assert after > before + 1


def test_the_default_search_goes_on_while_it_reconstructs_more(world: Callable) -> None:
    victim = world("relu2")

    short, default = (
        psnr(victim.attacked_by(attack), victim.private.images).mean()
        for attack in (MapPca(steps=60, iterations=50), MapPca(steps=60))
    )

    assert default > short + 0.5


def test_the_errors_of_the_decoder_say_where_the_search_goes(begin: Callable) -> None:
    victim, seen, start = begin("relu2")
    assert seen.client is not None
    wires = start.queries.whole.observed
    batch = Batch.of([wires], start.decoder.rebuild([wires]))

    plain, preconditioned = (
        Posterior(seen.client, seen.channel.distance, [Smooth()], errors=errors).search(
            batch, weight=torch.full((len(wires),), 1e-4), iterations=60
        )
        for errors in ((), (start.errors.final,))
    )

    before, after = (psnr(images, victim.private.images).mean() for images in (plain, preconditioned))
    assert after > before + 1


def test_a_search_that_does_harm_is_not_made(begin: Callable) -> None:
    _, seen, start = begin("relu2", Misleading)

    assert fit_map(seen, start, {"smooth": smooth}, weight=None, iterations=10) is None


@pytest.mark.parametrize("ahead", [False, True])
def test_a_search_that_is_not_ahead_of_another_one_is_not_made(ahead: bool, begin: Callable) -> None:
    _, seen, start = begin("relu2")
    reached = searched(seen, start, {"smooth": smooth}, iterations=30).setting.reached

    rival = [*reached[:-1], reached[-1] - CLEARLY_AHEAD + (-0.1 if ahead else 0.1)]
    found = fit_map(seen, start, {"smooth": smooth}, weight=None, iterations=30, rival=rival)

    assert (found is not None) == ahead


@pytest.mark.parametrize("names", [("smooth", "negative"), ("negative", "smooth")])
def test_the_prior_that_reconstructs_own_images_best_is_chosen(names: tuple[str, str], begin: Callable) -> None:
    _, seen, start = begin("relu2")
    priors = {"smooth": smooth, "negative": negative}

    found = fit_map(seen, start, {name: priors[name] for name in names}, weight=None, iterations=60)

    assert found is not None
    name, member = found
    assert name == "smooth"
    assert all(isinstance(prior, Smooth) for prior in member.posterior.priors)


def test_images_to_tune_on_are_searched_by_priors_that_were_not_fitted_to_them(begin: Callable) -> None:
    _, seen, start = begin("relu2")
    tune, judge, final = ((Smooth(),), (Smooth(),), Smooth())

    def three(start: Start) -> Priors:
        return Priors(tune, judge, final)

    member = searched(seen, start, {"any": three}, weight=0.1, iterations=2)

    assert all(map(operator.is_, member.tuned.priors, tune))
    assert all(map(operator.is_, member.posterior.priors, (*judge, final)))
    used = []
    found = replace(member, tuned=replace(member.tuned, priors=[Watched(used)])).rebuild_held_out(
        [start.queries.whole.observed[:2]]
    )
    assert used
    assert [each.shape for each in found] == [start.queries.whole.images[:2].shape]


def test_a_heavy_anchor_keeps_the_search_at_the_decoder_and_a_light_one_explains_the_wire(begin: Callable) -> None:
    victim, seen, start = begin("relu2")
    assert seen.client is not None

    observed = start.queries.whole.observed
    answer = apply(start.decoder.final, observed)
    held, free = (
        start.queries.answer(
            searched(seen, start, {"errors": like_decoded}, weight=weight, iterations=60), start.queries.whole.mean
        ).images
        for weight in (1e6, 1e-4)
    )

    torch.testing.assert_close(held, answer, atol=0.01, rtol=0)
    misfits = [(seen.client(images) - victim.wire.tensor).square().sum() for images in (answer, free)]
    assert misfits[1] < 0.5 * misfits[0]


def test_no_image_is_penalized_by_a_mixture_that_was_fitted_to_it(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[Tensor] = []

    def learned(images: Tensor) -> Smooth:
        fitted.append(images)
        return Smooth()

    monkeypatch.setattr(expectation_maximization, "learned_mixture", learned)
    victim = world("conv1")
    victim.aux = victim.aux[:20]

    victim.attacked_by(MapPatch(epochs=1, steps=4, iterations=5))

    assert [len(images) for images in fitted] == [15, 15, 15, 15, 20]


@pytest.mark.slow
def test_patches_of_photographs_tell_more_than_smoothness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folds, "NUM_FOLDS", 2)
    monkeypatch.setattr(expectation_maximization, "PATCHES", 2000)
    monkeypatch.setattr(_map, "WEIGHTS", (0.01, 0.1))
    pools = Photos(size=32).load(None)
    torch.manual_seed(0)
    client = nn.Sequential(nn.Conv2d(3, 12, 5, stride=3), nn.LeakyReLU(0.3)).requires_grad_(False)
    model, images = SplitModel(client=client, server=nn.Identity()), pools.private.images[:4]
    pools, quick = replace(pools, aux=pools.aux[:60]), {"epochs": 1, "steps": 1, "iterations": 60}
    scores = []
    for attack in (MeanImage(), MapTv(**quick), MapPatch(**quick)):
        seen = observe(attack, model, model.send(images), pools=pools, originals=images, identity="photographs")
        torch.manual_seed(0)
        scores.append(psnr(attack.reconstruct(seen), images).mean().item())

    mean, smoothness, patches = scores
    assert patches > smoothness + 0.5
    assert smoothness > mean + 5


@pytest.mark.slow
def test_the_same_seed_gives_the_same_images(world: Callable) -> None:
    first, again = (world("relu2").attacked_by(MapPatch(iterations=10, steps=20, epochs=1)) for _ in range(2))

    torch.testing.assert_close(first, again, atol=0, rtol=0)


@pytest.mark.parametrize("attack", [MapDec, MapPca])
@pytest.mark.slow
def test_knowing_the_defense_helps(attack: type, world: Callable) -> None:
    aware, oblivious = (
        psnr(victim.attacked_by(attack(epochs=4, prior_weight=0.01)), victim.private.images).mean()
        for victim in (world("conv1", Dropped()), world("conv1", Oblivious()))
    )

    assert aware > oblivious + 3


def likeliest(samples: Tensor, floor: float, *, measures_mean: bool) -> float:
    """The floor under which each sample is most likely for the others and their mean, one inverse for each."""

    def surprise(each: float) -> float:
        total = 0.0
        for index, sample in enumerate(samples):
            others = torch.cat([samples[:index], samples[index + 1 :]])
            mean = others.mean(0) if measures_mean else torch.zeros_like(sample)
            away, sample_away = others - mean, sample - mean
            covariance = away.T @ away / len(others) + each * torch.eye(samples.shape[1])
            total += (covariance.logdet() + sample_away @ covariance.inverse() @ sample_away).item()
        return total

    return min((floor * 10 ** (step / 4) for step in range(17)), key=surprise)


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize(("count", "floor"), [(5, 0.001), (40, 0.001)])
def test_a_gaussian_is_the_squared_mahalanobis_length(count: int, floor: float, centered: bool) -> None:
    torch.manual_seed(0)
    samples, deviations = torch.randn(count, 1, 3, 4), torch.randn(6, 1, 3, 4, requires_grad=True)
    samples = samples * torch.linspace(0.1, 3, 4)
    samples = samples - samples.mean(0) if centered else samples
    rows = samples.flatten(1).double()
    covariance = rows.T @ rows / count + likeliest(rows, floor, measures_mean=centered) * torch.eye(12)
    flat = deviations.flatten(1)
    expected = torch.einsum("nd,de,ne->n", flat, covariance.inverse().float(), flat) / 12

    measured = Gaussian(samples, floor, from_own_mean=centered).penalty(deviations)

    torch.testing.assert_close(measured, expected, atol=1e-3, rtol=1e-3)
    slopes = [torch.autograd.grad(value.sum(), deviations, retain_graph=True)[0] for value in (measured, expected)]
    torch.testing.assert_close(*slopes, atol=1e-3, rtol=1e-3)


def test_few_samples_vary_more_where_they_show_no_variation() -> None:
    torch.manual_seed(0)
    few, many = (Gaussian(torch.randn(count, 1, 5, 6), 1e-3, from_own_mean=False).floor for count in (10, 1000))

    assert few > 0.1
    assert many < few / 2


@pytest.mark.parametrize("count", [4, 12, 40, 150])
def test_new_images_are_as_likely_as_a_gaussian_expects(count: int) -> None:
    torch.manual_seed(0)
    images = torch.randn(count + 500, 1, 8, 8) * torch.logspace(0, -1, 64).view(1, 8, 8)
    own, new = images[:count], images[count:]

    penalty = AroundMean.of(own).penalty(new, new)

    assert 0.6 < penalty.mean() < 1.6  # the squared Mahalanobis length of each number is 1 on average


def test_a_gaussian_of_many_pixels_is_the_same_from_its_main_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    samples, deviations = torch.randn(600, 1, 5, 6), torch.randn(6, 1, 5, 6)
    main = Gaussian(samples, 0.1, from_own_mean=False).penalty(deviations)
    monkeypatch.setattr(gaussian, "MAX_FLOOR_SAMPLES", 500)

    again = Gaussian(samples, 0.1, from_own_mean=False).penalty(deviations)
    torch.testing.assert_close(again, main, atol=1e-4, rtol=1e-4)


def test_a_wire_that_is_no_ir_is_declined(world: Callable) -> None:
    victim = world("conv1")
    victim.wire = Wire(torch.zeros(3, 7))

    with pytest.raises(Inapplicable, match=r"\(8, 12, 12\).*\(7,\)"):
        victim.attacked_by(MapDec())
