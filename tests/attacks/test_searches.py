"""The searches of which the attacker's own images choose one."""

from collections.abc import Sequence

import pytest
import torch
from mia_bench.attacks import _limits
from mia_bench.attacks._inversion import searches as _searches
from mia_bench.attacks._inversion import weight_search
from mia_bench.attacks._inversion.adam import minimize_by_adam
from mia_bench.attacks._inversion.rmle import faded
from mia_bench.attacks._inversion.searches import (
    ADAM_WEIGHTS,
    WEIGHTS,
    Distance,
    Search,
    Whitened,
    searches,
    squared_error,
    weighs_channels,
)
from mia_bench.attacks._inversion.tv_gaussian import TvGaussianPrior
from mia_bench.attacks._inversion.weight_search import Choice, Pilot, choose
from mia_bench.attacks._limits import affordable_iterations
from mia_bench.benchmark.checks.lab import Dropped
from mia_bench.benchmark.interfaces import Channel
from mia_bench.benchmark.utils.ir_layout import IrLayout
from mia_bench.defenses._dp.noise_channel import NoiseChannel
from torch import Tensor, nn

SMALL, LARGE = torch.zeros(3, 32, 32), torch.zeros(3, 48, 48)


def quadratic(images: Tensor, index: Tensor, progress: float = 1.0) -> Tensor:
    weights = torch.linspace(1, 100, images[0].numel()).view(images[0].shape)
    return (weights * (images - 0.3 - 0.1 * index.view(-1, 1, 1, 1)).square()).flatten(1).sum(1)


def test_adam_finds_the_minimum_of_each_image() -> None:
    found = minimize_by_adam(quadratic, torch.full((3, 1, 4, 4), 0.9), iterations=200)

    torch.testing.assert_close(
        found, torch.tensor([0.3, 0.4, 0.5]).view(3, 1, 1, 1).expand(3, 1, 4, 4), atol=0.01, rtol=0
    )


def test_an_image_comes_out_of_adam_the_same_whatever_else_is_in_the_batch() -> None:
    start = torch.rand(3, 1, 4, 4)
    together = minimize_by_adam(quadratic, start, iterations=20)
    alone = minimize_by_adam(quadratic, start[:1], iterations=20)

    torch.testing.assert_close(alone, together[:1])


@pytest.mark.parametrize(
    ("distance", "image", "shape", "count"),
    [
        (squared_error, SMALL, (4, 16, 16), 1),
        (squared_error, LARGE, (4, 16, 16), 2),
        (Channel().distance, LARGE, (17, 8), 2),
        (Channel().distance, LARGE, (10,), 2),
    ],
    ids=["small images", "large images", "tokens", "vectors"],
)
def test_more_searches_are_tried_on_large_images(
    distance: object, image: Tensor, shape: tuple[int, ...], count: int
) -> None:
    assert len(searches(distance, torch.rand(5, *shape), image)) == count


def test_the_channels_of_tokens_are_measured_over_all_tokens() -> None:
    wires = torch.randn(50, 17, 3) * torch.tensor([6.0, 10.0, 100.0])
    whitened = Whitened.of(squared_error, wires, IrLayout.of((17, 3), image=(3, 48, 48)))

    assert whitened.scale.shape == (1, 1, 3)
    assert whitened(wires, torch.zeros_like(wires)).mean().item() == pytest.approx(17 * 3, rel=0.1)


def of_cells(value: Tensor, sent: Tensor) -> Tensor:
    return ((value - sent).abs() - 0.05).clamp(min=0).square().flatten(1).sum(1)


def of_norm(value: Tensor, sent: Tensor) -> Tensor:
    return squared_error(value, sent).sqrt()


@pytest.mark.parametrize(
    ("distance", "can"),
    [
        (squared_error, True),
        (Channel().distance, True),
        (Dropped().distance, True),
        (NoiseChannel(noise="gaussian", sigma=1.0, clip=None).distance, True),
        (NoiseChannel(noise="laplacian", sigma=1.0, clip=None).distance, True),
        (NoiseChannel(noise="gaussian", sigma=1.0, clip=1.0).distance, False),
        (of_cells, False),
        (of_norm, False),
    ],
)
@pytest.mark.parametrize("count", [1, 5])
def test_channels_are_weighted_where_the_distance_stays_one(distance: Distance, can: bool, count: int) -> None:
    wires = torch.rand(count, 4, 16, 16)

    assert weighs_channels(distance, wires, IrLayout.of((4, 16, 16), image=LARGE.shape)) == can
    kind = searches(distance, wires, LARGE)[1].distance
    assert isinstance(kind, Whitened) == can


@pytest.mark.parametrize("quiet", [0.0, 1e-3])
def test_a_channel_that_is_quiet_on_own_images_does_not_outweigh_the_others(quiet: float) -> None:
    wires = torch.randn(50, 4, 8, 8) * torch.tensor([quiet, 1.0, 1.0, 1.0]).view(1, 4, 1, 1)
    whitened = Whitened.of(squared_error, wires, IrLayout.of((4, 8, 8), image=(3, 48, 48)))

    assert whitened.scale.max() / whitened.scale.min() < 2.2


def test_channels_that_are_all_constant_are_compared_as_they_are() -> None:
    whitened = Whitened.of(squared_error, torch.ones(5, 4, 8, 8), IrLayout.of((4, 8, 8), image=(3, 48, 48)))

    assert torch.equal(whitened.scale, torch.ones(1, 4, 1, 1))


def test_the_prior_fades_to_its_weight_and_a_stronger_one_stays() -> None:
    weights = torch.tensor([0.0, 0.01, 3.0])

    falling = torch.stack([faded(weights, progress) for progress in (0.0, 0.5, 1.0)])

    torch.testing.assert_close(falling, torch.tensor([[1.0, 1.0, 3.0], [0.0, 0.1, 3.0], [0.0, 0.01, 3.0]]))


def test_adam_is_told_how_far_it_is() -> None:
    seen = []

    def noted(images: Tensor, index: Tensor, progress: float = 1.0) -> Tensor:
        seen.append(progress)
        return quadratic(images, index)

    minimize_by_adam(noted, torch.rand(1, 1, 2, 2), iterations=4)

    assert seen == [0.25, 0.5, 0.75, 1.0]


def test_weights_are_compared_after_all_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = {"adam": {0.3: 30.0, 1.0: 30.4}}  # the stronger prior is not clearly better
    rounds = []

    def compared(_: object, search: Search, __: object, weights: Sequence[float], *, iterations: int) -> list[Choice]:
        rounds.append((search.optimizer, iterations, *weights))
        scores = reached.get(search.optimizer, {})
        return [Choice(search, weight, scores.get(weight, 20.0)) for weight in weights]

    monkeypatch.setattr(weight_search, "_compared", compared)
    client, images = nn.Identity(), torch.rand(6, 1, 8, 8)
    pilot = Pilot(TvGaussianPrior(images), (images, images), (images, images))

    chosen = choose(client, [Search(squared_error), Search(squared_error, "adam")], [pilot], iterations=100)

    assert (chosen.search.optimizer, chosen.tv) == ("adam", 0.3)
    assert rounds == [
        ("lbfgs", 100, *WEIGHTS),
        ("adam", 100, *ADAM_WEIGHTS),
        ("lbfgs", 100, 0.001),
        ("adam", 100, 0.3),
    ]


def test_the_search_that_reconstructs_own_images_best_is_chosen() -> None:
    torch.manual_seed(0)
    client, images = nn.Conv2d(1, 4, 3, padding=1), torch.rand(6, 1, 8, 8)
    client.requires_grad_(False)
    pilot = Pilot(TvGaussianPrior(images), (client(images), images), (client(images), images))

    def misleading(value: Tensor, sent: Tensor) -> Tensor:
        return (value - sent.roll(1, 0)).square().flatten(1).sum(1)

    chosen = choose(client, [Search(misleading), Search(squared_error)], [pilot], iterations=20)

    assert chosen.search.distance is squared_error
    assert chosen.decibels > 20


class Counted(nn.Module):
    """Counts the images that a client is given."""

    def __init__(self, client: nn.Module) -> None:
        super().__init__()
        self.client, self.images = client, [0]

    def forward(self, images: Tensor) -> Tensor:
        self.images[0] += len(images)
        return self.client(images)

    def __deepcopy__(self, memo: object) -> "Counted":
        return self


@pytest.mark.slow
@pytest.mark.parametrize("folds", [1, 4], ids=["one fold", "four folds"])
def test_the_choice_among_searches_costs_three_times_that_of_one_at_most(
    folds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_searches, "TOLERANCE", 0.0)  # so that L-BFGS uses all that it is allowed
    torch.manual_seed(0)
    client, images = Counted(nn.Conv2d(1, 4, 3, padding=1)), torch.rand(4, 1, 8, 8)
    prior = TvGaussianPrior(images)
    pairs = [(client.client(part).detach(), part) for part in images.chunk(folds)]
    pilots = [Pilot(prior, pair, pair) for pair in pairs]
    tried = searches(squared_error, pairs[0][0], LARGE)

    spent = []
    for some in (tried[:1], tried):
        before = client.images[0]
        choose(client, some, pilots, iterations=450)
        spent.append(client.images[0] - before)

    assert len(tried) == 2
    assert spent[0] < spent[1] < 3 * spent[0]


def test_an_expensive_client_is_evaluated_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    client, image = nn.Conv2d(1, 4, 3, padding=1), torch.rand(1, 8, 8)
    each = 3 * 4 * 9 * 64
    assert affordable_iterations(client, image, 450) == 450
    monkeypatch.setattr(_limits, "MAX_SEARCH_MACS", 300 * each)
    assert affordable_iterations(client, image, 450) == 300
    monkeypatch.setattr(_limits, "MAX_SEARCH_MACS", each)
    assert affordable_iterations(client, image, 450) == _limits.MIN_ITERATIONS
    assert affordable_iterations(client, image, 10) == 10
