"""What an attacker learns by sending images of their own."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from mia_bench.attacks._decoders import queries as _queries
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._decoders.variations import varied
from mia_bench.attacks.black_box import BlackBox
from mia_bench.benchmark.interfaces import Channel, Wire
from torch import Tensor


class Noise(Channel):
    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return value + torch.randn_like(value)


def test_a_repeatable_client_is_asked_once_for_each_image(world: Callable) -> None:
    seen = world("conv1").seen_by(BlackBox())
    sent = []

    def query(images: Tensor) -> Wire:
        sent.append(len(images))
        assert seen.query is not None
        return seen.query(images)

    queries = Queries(replace(seen, query=query), seen.aux.images)
    asked = sum(sent)
    wires = queries.wires(torch.tensor([3, 5]))

    assert torch.equal(wires, query(seen.aux.images[[3, 5]]).tensor)
    assert asked == 2 + 2 * (2 + min(64, len(seen.aux))) + len(seen.aux)  # counted, sent twice, sent
    assert sum(sent) == asked + 2


def test_a_noisy_client_is_asked_anew_each_time(world: Callable) -> None:
    seen = world("conv1", Noise()).seen_by(BlackBox())
    queries = Queries(seen, seen.aux.images)
    index = torch.tensor([3, 5])

    assert not torch.equal(queries.wires(index), queries.wires(index))


class Seldom(Channel):
    """Changes the wires of a third of the images, but not of the first two."""

    def forward(self, value: Tensor) -> Tensor:
        chosen = torch.rand(len(value)) < 1 / 3
        chosen[:2] = False
        return value + chosen.view(-1, *[1] * (value.ndim - 1))


@pytest.mark.parametrize("stochastic", [False, True])
def test_a_client_that_repeats_itself_by_chance_is_asked_anew(world: Callable, stochastic: bool) -> None:
    channel = Seldom()
    channel.stochastic = stochastic
    seen = world("conv1", channel).seen_by(BlackBox())

    assert Queries(seen, seen.aux.images).kept is False


def test_wires_that_would_fill_the_memory_are_not_kept(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = world("conv1").seen_by(BlackBox())
    index = torch.tensor([3, 5])
    kept = Queries(seen, seen.aux.images).wires(index)
    monkeypatch.setattr(_queries, "MAX_STORED_NUMBERS", 1000)

    queries = Queries(seen, seen.aux.images)

    assert queries.kept is False
    torch.testing.assert_close(queries.wires(index), kept)


def test_byte_strings_of_unequal_length_are_aligned(world: Callable) -> None:
    seen = world("conv1").seen_by(BlackBox())
    seen = replace(
        seen,
        wire=Wire(tuple(bytes(9) for _ in range(6))),
        query=lambda images: Wire(tuple(bytes([1] * 7) for _ in images)),
    )

    queries = Queries(seen, seen.aux.images)

    assert queries.observed.shape == (6, 9)
    assert queries.wires(torch.tensor([0])).shape == (1, 9)


def test_long_vectors_are_shortened_and_keep_their_distances(world: Callable) -> None:
    seen = world("conv1").seen_by(BlackBox())
    long = torch.randn(20, 3 * _queries.MAX_VECTOR_NUMBERS)
    queries = Queries(
        replace(seen, wire=Wire(long), query=lambda images: Wire(long[torch.arange(len(images)) % len(long)])),
        seen.aux.images,
    )

    assert queries.observed.shape == (20, _queries.MAX_VECTOR_NUMBERS)
    ratio = torch.pdist(queries.observed) / torch.pdist(long)
    assert (ratio - 1).abs().max() < 0.05


@pytest.mark.slow
def test_only_a_client_that_encrypts_is_sent_fewer_images(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_queries, "MAX_ENCRYPTED_QUERIES", 10)
    seen = world("conv1").seen_by(BlackBox())

    def coded(images: Tensor) -> Wire:
        return Wire(tuple(bytes(image.flatten().mul(255).byte().tolist()) for image in images))

    def encrypted(images: Tensor) -> Wire:
        return Wire(tuple(torch.randint(256, (300,), dtype=torch.uint8).numpy().tobytes() for _ in images))

    few, many = (
        Queries(replace(seen, wire=query(seen.aux.images[:3]), query=query), seen.aux.images, vary=varied)
        for query in (encrypted, coded)
    )

    assert (few.own, len(few)) == (10, 10)
    assert (many.own, many.kept) == (len(seen.aux), True)
    assert len(many) > many.own


@pytest.mark.slow
def test_a_ciphertext_tells_nothing(world: Callable) -> None:
    victim = world("conv1")
    seen = victim.seen_by(BlackBox())

    def encrypted(images: Tensor) -> Wire:
        return Wire(tuple(torch.randint(256, (2000,), dtype=torch.uint8).numpy().tobytes() for _ in images))

    torch.manual_seed(0)
    images = BlackBox().reconstruct(replace(seen, wire=encrypted(victim.private.images), query=encrypted))

    reference = (seen.aux.images.mean(0) - victim.private.images).square().mean()
    error = (images - victim.private.images).square().mean()
    assert 0.97 * reference < error < 1.25 * reference
