"""The corrected linear decoder."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mia_bench.attacks import ridge_skip
from mia_bench.attacks._decoders import skip_network
from mia_bench.attacks._decoders.divided import Divided
from mia_bench.attacks._decoders.fitting import DecoderRecipe, Decoders, apply
from mia_bench.attacks._decoders.folds import Fitted
from mia_bench.attacks._decoders.linear import LinearDecoder, decoders, fit_linear
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._decoders.skip_network import SkipNetwork, fit_skip
from mia_bench.attacks._decoders.variations import varied
from mia_bench.attacks.ridge import Ridge
from mia_bench.attacks.ridge_skip import RidgeSkip
from mia_bench.benchmark.interfaces import Channel, ImageSet, Observation, Wire
from torch import Tensor, nn


@pytest.fixture
def queries(world: Callable) -> Divided:
    torch.manual_seed(0)
    victim = world("pool1")
    return Divided(Queries(victim.seen_by(Ridge()), victim.aux.images))


def error(decoder: Callable, queries: Divided) -> float:
    whole = queries.whole
    return (apply(decoder, whole.wires(whole.held_out)) - whole.images[whole.held_out]).square().mean().item()


def test_the_network_begins_as_the_linear_decoder(queries: Divided) -> None:
    linear = fit_linear(queries).final
    wires = queries.whole.wires(torch.arange(5))

    network = SkipNetwork(linear.module(), wires, queries.whole.images, 8)

    torch.testing.assert_close(network(wires).clamp(0, 1), linear.decode(wires).clamp(0, 1), atol=1e-4, rtol=0)


@pytest.mark.slow
def test_training_helps_on_images_held_out(queries: Divided) -> None:
    linear = fit_linear(queries)

    decoder = fit_skip(queries, linear, DecoderRecipe(epochs=20)).final

    assert isinstance(decoder, nn.Module)
    assert error(decoder, queries) < 0.95 * error(linear.final.decode, queries)


def test_a_correction_that_does_harm_is_dropped(queries: Divided, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(network: SkipNetwork, *_: object, **__: object) -> None:
        nn.init.ones_(network.correct[-1].bias)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(skip_network, "train_decoder", spoil)
    linear = fit_linear(queries)

    assert error(fit_skip(queries, linear, DecoderRecipe()).final, queries) == error(linear.final.decode, queries)


def test_training_that_fails_is_repeated_more_slowly(queries: Divided, monkeypatch: pytest.MonkeyPatch) -> None:
    rates, train = list[float](), skip_network.train_decoder

    def die_at_first(network: SkipNetwork, queries: Queries, recipe: DecoderRecipe, **options: Any) -> None:
        rates.append(recipe.learning_rate)
        if len(rates) == 1:
            nn.init.constant_(network.correct[-3].bias, -1e3)  # pyright: ignore[reportArgumentType]
        train(network, queries, recipe, **options)

    monkeypatch.setattr(skip_network, "train_decoder", die_at_first)
    linear = fit_linear(queries)

    decoder = fit_skip(queries, linear, DecoderRecipe(epochs=10, learning_rate=8e-3)).final

    assert rates == [8e-3, 4e-3]
    assert error(decoder, queries) < 0.97 * error(linear.final.decode, queries)


@pytest.mark.parametrize("diverged", [1, 2])
def test_training_that_diverges_is_never_the_better_one(
    diverged: int, queries: Divided, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = list[int]()

    def train(network: SkipNetwork, *_: object, **__: object) -> None:
        tried.append(len(tried) + 1)
        if tried[-1] <= diverged:
            nn.init.constant_(network.correct[-1].bias, torch.nan)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(skip_network, "train_decoder", train)
    linear = fit_linear(queries)

    assert error(fit_skip(queries, linear, DecoderRecipe()).final, queries) == error(linear.final.decode, queries)
    assert tried == [1, 2]


@pytest.mark.parametrize("count", [60, 400])
@pytest.mark.parametrize("shape", [(20,), (20, 1, 1), (1, 20)])
def test_a_single_cell_is_decoded_as_a_vector(
    count: int, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind an average pool of 1x1 the attackers are those behind the layer that flattens it."""
    torch.manual_seed(0)
    images, weight, used = torch.rand(count, 1, 8, 8), torch.randn(64, 20), list[str]()

    def query(some: Tensor) -> Wire:
        return Wire((some.flatten(1) @ weight).relu().view(-1, *shape))

    def corrected(_: Divided, linear: Fitted[LinearDecoder], *rest: Any) -> Decoders:
        used.append(rest[-1].__name__)
        return decoders(linear)

    monkeypatch.setattr(skip_network, "_corrected", corrected)
    monkeypatch.setattr(skip_network, "fit_kernel", lambda _: used.append("kernel") or (lambda some: some))
    monkeypatch.setattr(skip_network, "_error", lambda *_: 1.0)
    aux = ImageSet(images, torch.zeros(count, dtype=torch.int64))
    seen = Observation(wire=query(images[:2]), aux=aux, classes=2, channel=Channel(), query=query)
    queries = Divided(Queries(seen, images, vary=varied))

    fit_skip(queries, fit_linear(queries), DecoderRecipe())

    assert used == ["_trained_on_vectors", "kernel"][: 1 if count < 400 else 2]
    assert len(queries.whole) > 2 * count  # a vector has many variations


@pytest.mark.parametrize(
    ("split", "images", "networks"),
    [("relu2", 400, ["vectors", "maps"]), ("relu2", 20, ["maps"]), ("pool1", 400, ["maps"]), ("fc1", 400, ["vectors"])],
)
def test_a_few_cells_are_decoded_as_vectors_too_if_there_are_enough_images(
    split: str, images: int, networks: list[str], world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = list[str]()

    def train(name: str) -> Callable:
        def one(_: Queries, linear: LinearDecoder, *__: object) -> Callable:
            trained.append(name)
            return linear.decode

        return one

    monkeypatch.setattr(skip_network, "_trained", train("maps"))
    monkeypatch.setattr(skip_network, "_trained_on_vectors", train("vectors"))
    victim = world(split)
    queries = Divided(Queries(victim.seen_by(Ridge()), victim.aux.images[:images]))

    fit_skip(queries, fit_linear(queries), DecoderRecipe())

    assert list(dict.fromkeys(trained)) == networks


def test_a_few_cells_are_decoded_by_what_does_best_on_images_to_tune_on(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = world("relu2")
    queries = Divided(Queries(victim.seen_by(Ridge()), victim.aux.images))
    known = queries.whole.images[queries.whole.tune]
    monkeypatch.setattr(
        skip_network, "_trained_on_vectors", lambda *_: lambda wires: known if len(wires) == len(known) else wires
    )

    decoder = fit_skip(queries, fit_linear(queries), DecoderRecipe(steps=1)).final

    assert torch.equal(decoder(queries.whole.wires(queries.whole.tune)), known)


@pytest.mark.parametrize(("offset", "selected"), [(0.1, "linear"), (-0.05, "corrected")])
def test_the_decoder_with_the_higher_psnr_answers(
    offset: float, selected: str, world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worse(queries: Divided) -> Fitted[LinearDecoder]:
        return moved(fit_linear(queries), 0.05)

    def fit(_: Divided, linear: Fitted[LinearDecoder], __: DecoderRecipe) -> Decoders:
        return decoders(moved(linear, offset))

    monkeypatch.setattr(ridge_skip, "fit_linear", worse)
    monkeypatch.setattr(ridge_skip, "fit_skip", fit)
    attack = RidgeSkip()

    assert attack.reconstruct(world("conv1").seen_by(attack)).selected == selected


def moved(linear: Fitted[LinearDecoder], offset: float) -> Fitted[LinearDecoder]:
    def one(each: LinearDecoder) -> LinearDecoder:
        return LinearDecoder(lambda wires: each.decode(wires) + offset, each.module, each.refit)

    return Fitted(tuple(map(one, linear.each)), one(linear.final))


@pytest.mark.slow
def test_it_beats_the_linear_decoder_on_private_images(world: Callable) -> None:
    victim = world("pool1")

    corrected, linear = (
        (victim.attacked_by(attack) - victim.private.images).square().mean()
        for attack in (RidgeSkip(epochs=40), Ridge())
    )

    assert corrected < linear
