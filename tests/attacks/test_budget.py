"""What attacks may compute on expensive networks."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.attacks import _limits
from mia_bench.attacks._decoders import fitting, skip_network
from mia_bench.attacks._decoders import queries as _queries
from mia_bench.attacks._decoders.divided import Divided
from mia_bench.attacks._decoders.fitting import DecoderRecipe, train_decoder
from mia_bench.attacks._decoders.linear import DenseMap, fit_linear
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._limits import MAX_QUERY_MACS, MIN_QUERIES, max_query_images
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.interfaces import Channel
from torch import Tensor, nn


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

    assert sum(decoded) == queries.whole.trainable + len(queries.whole.tune)
