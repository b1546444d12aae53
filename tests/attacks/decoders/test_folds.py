"""No image judges what was fitted to it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from mia_bench.attacks import _ensemble, _shadow, encoder_decoder
from mia_bench.attacks._decoders import folds
from mia_bench.attacks._decoders.divided import Divided
from mia_bench.attacks._decoders.fitting import Decoders
from mia_bench.attacks._decoders.folds import MAX_JUDGES, MIN_SINGLE_FOLD_IMAGES, divide_into_folds, divide_once
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._decoders.variations import Variation
from mia_bench.attacks._inversion import map_priors, weight_search
from mia_bench.attacks._inversion.tuning import NUM_PILOTS
from mia_bench.attacks._inversion.tv_gaussian import TvGaussianPrior
from mia_bench.attacks.auto import Auto
from mia_bench.attacks.black_box import BlackBox
from mia_bench.attacks.deep_prior import DeepPrior
from mia_bench.attacks.encoder_decoder import EncoderDecoder
from mia_bench.attacks.map_patch import MapPatch
from mia_bench.attacks.prior_denoiser import PriorDenoiser
from mia_bench.attacks.query_free import QueryFree
from mia_bench.attacks.ridge import Ridge
from mia_bench.attacks.ridge_skip import RidgeSkip
from mia_bench.attacks.shadow_query import ShadowQuery
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Attack, Reconstruction
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn
from torch.nn import functional


def common(some: Tensor, others: Tensor) -> int:
    """How many of some images (N, C, H, W) are among others (M, C, H, W)."""
    known = {tuple(image.flatten().tolist()) for image in others}
    return sum(tuple(image.flatten().tolist()) in known for image in some)


@pytest.mark.parametrize("count", [2, 3, 5, 20, 300, MIN_SINGLE_FOLD_IMAGES - 1, MIN_SINGLE_FOLD_IMAGES, 10_000])
@pytest.mark.parametrize("once", [False, True])
def test_no_image_has_two_roles_in_a_fold(count: int, once: bool) -> None:
    for fold in [divide_once(count)] if once else divide_into_folds(count):
        held = set(fold.tune.tolist()) | set(fold.judge.tolist())
        assert held.isdisjoint(fold.fit.tolist())
        assert held | set(fold.fit.tolist()) == set(range(count))
        assert len(held) < 2 or set(fold.tune.tolist()).isdisjoint(fold.judge.tolist())
        assert len(fold.fit) >= count // 2
        assert len(fold.judge) >= 1


@pytest.mark.parametrize(("count", "judges", "pilots"), [(20, 8, 8), (64, 32, 32), (300, 32, 8), (400, 32, 8)])
def test_few_images_have_many_judges(count: int, judges: int, pilots: int) -> None:
    divided = divide_into_folds(count)

    assert sum(len(fold.judge) for fold in divided) >= judges
    assert sum(len(fold.tune) for fold in divided) >= pilots
    assert sum(len(fold.judge) for fold in divided) <= MAX_JUDGES


@pytest.mark.parametrize("sources", [2, 3, 12, 63, 200])
@pytest.mark.parametrize("once", [False, True])
def test_no_source_has_two_roles_in_a_fold(sources: int, once: bool) -> None:
    """Patches that overlap are of one source; two sources leave one to hold out, whose images tune and judge."""
    owners = torch.randint(sources, (1000,))
    for fold in [divide_once(1000, owners)] if once else divide_into_folds(1000, owners):
        fit, tune, judge = ({*owners[role].tolist()} for role in (fold.fit, fold.tune, fold.judge))
        held = torch.cat([fold.tune, fold.judge])

        assert fit.isdisjoint(tune | judge)
        assert tune.isdisjoint(judge) or len(tune | judge) == 1
        assert len(held.unique()) == len(held)
        assert len(fold.fit) >= 400
        assert min(len(fold.tune), len(fold.judge)) >= 1
        assert len({*owners[fold.judge[: len(judge)]].tolist()}) == len(judge)  # the first ones are of all sources


def test_each_source_of_few_is_held_out_once() -> None:
    sources = torch.arange(240) % 12
    held = [sources[torch.cat([fold.tune, fold.judge])].unique() for fold in divide_into_folds(240, sources)]

    assert torch.cat(held).sort().values.tolist() == list(range(12))


@pytest.mark.parametrize("sources", [torch.zeros(500, dtype=torch.int64), torch.arange(500).flip(0)])
def test_one_source_or_one_for_each_image_change_nothing(sources: Tensor) -> None:
    torch.manual_seed(0)
    plain = divide_into_folds(500)
    torch.manual_seed(0)

    given = divide_into_folds(500, sources)

    assert [fold.fit.tolist() for fold in plain] == [fold.fit.tolist() for fold in given]


class DividedBySource(Exception):
    """Ends an attack that divides its images by source."""


@pytest.mark.parametrize(
    "attack",
    [
        Ridge(),
        RidgeSkip(),
        BlackBox(),
        ShadowQuery(),
        WhiteBox(),
        DeepPrior(),
        EncoderDecoder(),
        Auto(),
        MapPatch(),
        PriorDenoiser(),
        QueryFree(),
    ],
    ids=lambda attack: type(attack).__name__,
)
def test_every_attack_divides_its_images_by_source(
    attack: Attack, world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def owners_of(count: int, sources: Tensor | None) -> Tensor:
        if sources is not None and len(sources.unique()) < count:
            raise DividedBySource
        return torch.arange(count)

    monkeypatch.setattr(folds, "owners_of", owners_of)
    seen = world("conv1").seen_by(attack)

    with pytest.raises(DividedBySource):
        attack.reconstruct(replace(seen, aux=replace(seen.aux, sources=torch.arange(len(seen.aux)) // 2)))


def test_each_of_few_images_is_held_out_once() -> None:
    held = torch.cat([torch.cat([fold.tune, fold.judge]) for fold in divide_into_folds(50)])

    assert sorted(held.tolist()) == list(range(50))


def test_one_image_is_refused_in_a_sentence() -> None:
    with pytest.raises(Inapplicable, match="at least 2 images"):
        divide_into_folds(1)


@pytest.mark.parametrize("count", [2, 3, 5, 20, 64, 300, 400])
def test_no_image_held_out_nor_its_copy_can_be_fitted_to(count: int, world: Callable) -> None:
    victim = world("conv1")
    images = victim.aux.images[:count]
    queries = Divided(Queries(victim.seen_by(Ridge()), images, vary=lambda _: Variation(lambda some: some / 2)))

    for part in queries.parts:
        fitted, held = part.images[: part.trainable], part.images[part.held_out]
        assert common(held, fitted) == common(held / 2, fitted) == 0
        assert len(fitted) == 2 * part.own
        torch.testing.assert_close(part.wires(part.judge), victim.model.send(part.images[part.judge]).tensor)
    assert len(queries.parts) == 1 or len(queries.whole.images[: queries.whole.trainable]) == 2 * count


@pytest.mark.parametrize("count", [5, 20, 64, 400])
def test_an_attack_that_only_remembers_is_not_trusted(count: int, world: Callable) -> None:
    victim = world("conv1")
    queries = Divided(Queries(victim.seen_by(Ridge()), victim.aux.images[:count]))

    def remember(part: Queries) -> Callable[[Tensor], Tensor]:
        fitted = torch.arange(part.trainable)
        known = part.wires(fitted).flatten(1)

        def rebuild(wires: Tensor) -> Tensor:
            gaps, nearest = torch.cdist(wires.flatten(1), known).min(1)
            exact = gaps.view(-1, 1, 1, 1) < 1e-2
            return torch.where(exact, part.images[nearest], torch.rand(len(wires), 1, 16, 16))

        return rebuild

    torch.manual_seed(0)
    mean = queries.whole.mean
    memory = Decoders(tuple(remember(part) for part in queries.parts), remember(queries.whole))

    answer = queries.answer(memory, mean)

    assert (answer.images - mean).square().mean() < 0.2 * (torch.rand_like(answer.images) - mean).square().mean()


class Memory:
    """A prior to which the deviations that it was fitted to are likely, and no others."""

    def __init__(self, deviations: Tensor, floor: float, *, from_own_mean: bool) -> None:
        self.known = deviations.flatten(1)

    def penalty(self, deviations: Tensor) -> Tensor:
        gaps = (deviations.flatten(1)[:, None] - self.known).square().mean(2)  # (N, K)
        return gaps.amin(1) + 1e-4


@pytest.mark.slow
def test_a_member_fitted_to_its_judges_does_not_win(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_priors, "Gaussian", Memory)
    monkeypatch.setattr(_ensemble, "ITERATIONS", 40)

    rebuilt, scores = selection(world("relu2"), 20)

    assert scores[rebuilt.selected] > max(scores.values()) - 1


@pytest.mark.slow
def test_with_twenty_images_the_selected_member_is_nearly_the_best(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ensemble, "ITERATIONS", 40)
    rebuilt, scores = selection(world("relu2"), 20)

    assert scores[rebuilt.selected] > max(scores.values()) - 1


def selection(victim, count: int) -> tuple[Reconstruction, dict[str, float]]:
    """What the ensemble makes of few images, and the PSNR of each member."""
    victim.aux = victim.aux[:count]
    torch.manual_seed(0)
    rebuilt = Auto().reconstruct(victim.seen_by(Auto()))
    return rebuilt, {name: psnr(each, victim.private.images).mean().item() for name, each in rebuilt.members.items()}


@pytest.mark.parametrize("count", [20, 400])
def test_the_prior_of_a_pilot_was_not_fitted_to_it(
    count: int, world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = world("conv1")
    victim.aux = victim.aux[:count]
    fitted, tried = {}, []
    measure = TvGaussianPrior.__init__

    def watched(self: TvGaussianPrior, images: Tensor) -> None:
        fitted[id(self)] = images
        measure(self, images)

    def recorded(search: Callable) -> Callable:
        def recording(
            client: nn.Module, distance: Callable, wire: Tensor, prior: TvGaussianPrior, **options: object
        ) -> object:
            tried.append(wire)
            assert common(wire, victim.model.client(fitted[id(prior)])) == 0
            return search(client, distance, wire, prior, **options)

        return recording

    monkeypatch.setattr(TvGaussianPrior, "__init__", watched)
    for name in ("inversions", "invert"):  # to tune and to judge
        monkeypatch.setattr(weight_search, name, recorded(getattr(weight_search, name)))

    victim.attacked_by(WhiteBox(iterations=2))

    images = torch.cat(tried).unique(dim=0)
    assert len(images) == 2 * NUM_PILOTS  # half to tune on, half to judge


def test_chosen_images_are_not_made_of_those_held_out(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = world("conv1")
    learned = []
    monkeypatch.setattr(encoder_decoder, "train_decoder", lambda _, queries, __: learned.append(queries))

    victim.attacked_by(EncoderDecoder())

    (queries,) = learned
    fitted, held = queries.images[: queries.trainable], queries.images[queries.held_out]
    assert len(held) == 40
    for made in (held, held.flip(3), functional.avg_pool2d(held, 3, 1, 1)):
        assert common(made, fitted) == 0
    assert common(victim.aux.images, queries.images) == len(victim.aux)


def test_shadows_are_compared_on_images_that_they_were_not_trained_on(world: Callable) -> None:
    victim = world("conv1")
    seen = victim.seen_by(QueryFree())
    trained, judged = [], []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            assert seen.structure is not None
            self.client = seen.structure()

        def forward(self, images: Tensor) -> Tensor:
            (trained if self.training else judged).append(images)
            return self.client(images)

    recipe = _shadow.ShadowRecipe(restarts=2, moments=1.0, epochs=1, steps=20)
    _shadow.shadows(Watched, seen, victim.wire.tensor, recipe)

    assert len(torch.cat(judged)) == 2 * 40
    assert common(torch.cat(judged), torch.cat(trained[1:])) == 0  # the first call counts operations
