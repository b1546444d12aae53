"""Large images are worked on a few at a time, expensive networks compute less, and nothing else changes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from mia_bench.attacks import _limits
from mia_bench.attacks._decoders import fitting, inverse_network, linear, skip_network
from mia_bench.attacks._decoders import queries as _queries
from mia_bench.attacks._decoders.divided import Divided
from mia_bench.attacks._decoders.fitting import DecoderRecipe, train_decoder
from mia_bench.attacks._decoders.inverse_network import WhitenedConv
from mia_bench.attacks._decoders.linear import DenseMap, decoders, fit_linear
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._inversion import rmle
from mia_bench.attacks._inversion.distance import squared_error
from mia_bench.attacks._inversion.lbfgs import MEMORY
from mia_bench.attacks._inversion.rmle import MAX_STATE_NUMBERS, invert, inverted_at_a_time
from mia_bench.attacks._inversion.tv_gaussian import TvGaussianPrior
from mia_bench.attacks._limits import MAX_QUERY_MACS, MIN_QUERIES, max_query_images
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.interfaces import Channel
from mia_bench.benchmark.metrics import psnr
from mia_bench.benchmark.training import plan
from mia_bench.benchmark.utils.least_squares import Equations
from torch import Tensor, nn


class Square(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images * images


def test_a_graph_is_as_large_as_what_it_saves() -> None:
    image = torch.rand(3, 10, 10)
    # the image, which is saved for its own gradient, too, and the square
    assert _limits.backward_batch_size(Square(), image) == _limits.MAX_GRAPH_NUMBERS // (3 * 300)


def test_weights_are_not_counted_for_each_image() -> None:
    image = torch.rand(1, 8, 8)
    narrow, wide = nn.Conv2d(1, 4, 1), nn.Conv2d(1, 4, 7, padding=3)
    assert _limits.backward_batch_size(narrow, image) == _limits.backward_batch_size(wide, image)


def test_layers_behind_which_little_is_left_count_too() -> None:
    image = torch.rand(1, 16, 16)
    wide = nn.Sequential(nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    assert _limits.backward_batch_size(wide, image) < _limits.MAX_GRAPH_NUMBERS / (64 * 256)


def test_as_many_wires_go_through_a_network_as_are_small_enough_together() -> None:
    assert _limits.forward_batch_size(torch.zeros(16, 32, 32)) == _limits.MAX_BATCH_IMAGES
    large = torch.zeros(16, 224, 224)
    assert 1 < _limits.forward_batch_size(large) <= _limits.MAX_WIRE_NUMBERS / large.numel()
    assert _limits.forward_batch_size(torch.empty(_limits.MAX_WIRE_NUMBERS + 1, device="meta")) == 1


def test_inverting_a_few_at_a_time_gives_the_same_images(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = world("relu2")
    batches = []

    def client(images: Tensor) -> Tensor:
        batches.append(len(images))
        return victim.model.client(images)

    class Watched(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return client(images)

    def inverted() -> Tensor:
        batches.clear()
        prior = TvGaussianPrior(victim.aux.images[:2])
        return invert(Watched(), squared_error, victim.wire.tensor, prior, tv=0.01, iterations=10)

    together = inverted()
    assert max(batches) == 6
    monkeypatch.setattr(
        _limits,
        "MAX_GRAPH_NUMBERS",
        2 * _limits.MAX_GRAPH_NUMBERS // _limits.backward_batch_size(Watched(), victim.aux.images[0]),
    )
    apart = inverted()
    assert max(batches) == 2

    torch.testing.assert_close(apart, together, atol=1e-3, rtol=0)


def test_a_few_cells_of_each_image_do_for_the_patch_form(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = world("conv1")
    whole = psnr(victim.attacked_by(Ridge(form="patch")), victim.private.images).mean()
    gathered = []
    gather = Equations.gather

    def watched(vectors: Tensor, values: Tensor, *, dual: bool | None = None) -> Equations:
        gathered.append(vectors.shape)
        return gather(vectors, values, dual=dual)

    monkeypatch.setattr(linear.Equations, "gather", watched)
    monkeypatch.setattr(
        linear, "MAX_EQUATION_NUMBERS", 100 * 200 * 40
    )  # 100 images, 8 x 5 x 5 numbers, 40 cells of 256
    some = psnr(victim.attacked_by(Ridge(form="patch")), victim.private.images).mean()

    assert [tuple(shape) for shape in gathered] == [(100 * 40, 200)]
    assert some > whole - 3


def test_a_map_too_large_for_one_matrix_stays_a_product(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    solved = Equations.gather(torch.randn(20, 50), torch.rand(20, 12)).solve(0.1)
    wires = torch.randn(4, 50)
    formed = DenseMap(solved, (3, 2, 2))
    monkeypatch.setattr(linear, "MAX_MATRIX_NUMBERS", 50 * 12 - 1)
    product = DenseMap(solved, (3, 2, 2))

    assert max(tensor.numel() for tensor in formed.buffers()) == 50 * 12
    assert sum(tensor.numel() for tensor in product.buffers()) == 50 + 12 + 20 * (50 + 12)
    torch.testing.assert_close(product(wires), formed(wires))
    torch.testing.assert_close(product(wires).flatten(1), solved(wires).float())


def test_fewer_neighborhoods_are_measured_where_one_image_has_many(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = torch.randn(50, 2, 8, 8)
    monkeypatch.setattr(inverse_network, "MAX_NEIGHBORHOOD_NUMBERS", 3 * 2 * 25 * 12 * 12)
    few = WhitenedConv(sample, 1)
    assert torch.equal(few.mean, WhitenedConv(sample[:3], 1).mean)
    assert not torch.equal(few.mean, WhitenedConv(sample[:2], 1).mean)


def test_the_scale_of_long_wires_is_measured_on_fewer(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = world("conv1")
    queries = Queries(victim.seen_by(Ridge()), victim.aux.images)
    assert len(queries.sample()) == 400
    monkeypatch.setattr(_limits, "MAX_COPY_NUMBERS", 7 * victim.wire.tensor[0].numel())
    assert torch.equal(queries.sample(), queries.wires(torch.arange(7)))


def test_a_linear_decoder_can_be_fitted_to_wires_that_are_not_kept(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = world("conv1")
    monkeypatch.setattr("mia_bench.attacks._decoders.queries.MAX_STORED_NUMBERS", 0)
    queries = Divided(Queries(victim.seen_by(Ridge()), victim.aux.images))
    assert queries.answer(decoders(fit_linear(queries)), queries.whole.mean).decibels > 20
    assert rmle.inverted_at_a_time(victim.model.client, victim.wire.tensor, victim.aux.images[0]) > 6


def test_of_large_images_few_are_remembered_together() -> None:
    def count(size: int) -> int:
        return inverted_at_a_time(nn.Conv2d(1, 1, 1), torch.zeros(1, 4), torch.zeros(1, size, size))

    assert count(28) > 1000
    assert count(224) * 224 * 224 * 2 * MEMORY < MAX_STATE_NUMBERS
    assert count(2000) == 1


def test_operations_are_counted_per_image() -> None:
    layer = nn.Conv2d(3, 64, 3, padding=1)  # 3 * 9 * 64 * 32 * 32 operations

    assert max_query_images(layer, torch.rand(2, 3, 32, 32)) == int(MAX_QUERY_MACS / (27 * 64 * 1024))
    assert max_query_images(nn.ReLU(), torch.rand(2, 3, 32, 32)) > 1e9


def test_some_images_may_be_sent_whatever_they_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_limits, "MAX_QUERY_MACS", 10)

    assert max_query_images(nn.Linear(5, 5), torch.rand(1, 5)) == MIN_QUERIES


def test_an_expensive_client_is_queried_less(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = world("conv1")
    monkeypatch.setattr(_limits, "MIN_QUERIES", 10)
    monkeypatch.setattr(_limits, "MAX_QUERY_MACS", 50 * 25 * 8 * 12 * 12)

    assert len(Queries(victim.seen_by(Ridge()), victim.aux.images)) == 50


class Counted(Channel):
    """Adds noise, and counts the images that pass through any copy of it."""

    stochastic = True
    passed = 0

    def forward(self, value: Tensor) -> Tensor:
        Counted.passed += len(value)
        return value + torch.randn_like(value)


@pytest.mark.parametrize(("budget", "passes"), [(800, 2), (10**6, 5)])
def test_images_are_sent_anew_in_every_pass_only_as_long_as_that_is_affordable(
    budget: int, passes: int, world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_queries, "max_query_images", lambda *_: budget)
    victim = world("conv1", Counted())
    queries = Queries(victim.seen_by(Ridge()), victim.aux.images)
    network = nn.Sequential(nn.Flatten(), nn.Linear(8 * 12 * 12, 256), nn.Unflatten(1, (1, 16, 16)))
    Counted.passed = 0

    train_decoder(network, queries, DecoderRecipe(epochs=5, batch_size=10))

    assert Counted.passed == passes * queries.trainable


@pytest.mark.parametrize("steps", [3, 100, 1000])
@pytest.mark.parametrize(("count", "side"), [(1500, 64), (1000, 32), (20, 28)])
def test_training_has_no_more_batches_than_allowed(
    count: int, side: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of large images are smaller, so that there are more of them."""
    made = list[int]()
    monkeypatch.setattr(
        fitting,
        "fit",
        lambda _, __, *, count, epochs, batch_size, learning_rate, least: made.append(
            plan(count, epochs=epochs, batch_size=batch_size, least=least).steps
        ),
    )
    images = torch.empty(count, 1, side, side)
    queries = cast(Queries, SimpleNamespace(images=images, trainable=count, kept=True, affordable=10**9))

    train_decoder(nn.Linear(1, 1), queries, DecoderRecipe(steps=steps))

    assert min(steps, 200) / 3 <= made[0] <= steps


def test_the_linear_decoder_below_a_correction_is_applied_once(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:

    victim = world("pool1")
    queries = Divided(Queries(victim.seen_by(Ridge()), victim.aux.images))
    decoded, forward = [], DenseMap.forward

    def count(self: DenseMap, wires: Tensor) -> Tensor:
        decoded.append(len(wires))
        return forward(self, wires)

    monkeypatch.setattr(DenseMap, "forward", count)
    monkeypatch.setattr(fitting, "fit", lambda parameters, loss, **_: [loss(torch.arange(10)) for _ in range(5)])
    monkeypatch.setattr(skip_network, "SMALL_GAIN", 2.0)  # so that training is not repeated

    skip_network.fit_skip(queries, fit_linear(queries, form="dense"), DecoderRecipe())

    tried = 200 + len(queries.whole.tune)  # to see whether it is as good on new images
    assert sum(decoded) == tried + queries.whole.trainable + len(queries.whole.tune)
