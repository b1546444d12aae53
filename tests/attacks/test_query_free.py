"""The query-free attack: only the server, the structure and labelled images."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from mia_bench.attacks import _shadow, _substitute_decoding
from mia_bench.attacks._generic_client import Likeness, generic_client, sent_by, substitutes
from mia_bench.attacks._shadow import Shadow, ShadowRecipe, sent_through, shadows, usable
from mia_bench.attacks.auto_query_free import AutoQueryFree
from mia_bench.attacks.feature_match import FeatureMatch
from mia_bench.attacks.query_free import QueryFree
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Attack, Channel, Observation, Reconstruction, SplitModel, Wire
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn


@pytest.mark.parametrize("shadow", ["same", "different"])
@pytest.mark.parametrize("split", ["conv1", "pool1", "fc1"])
def test_it_needs_neither_the_client_nor_queries(split: str, shadow: str, world: Callable) -> None:
    victim = world(split)
    seen = victim.seen_by(QueryFree())
    assert seen.query is None
    assert seen.client is None

    images = QueryFree(shadow=shadow, iterations=5, steps=10).reconstruct(seen)

    assert images.shape == victim.private.images.shape


@pytest.mark.parametrize("value", [(8, 12, 12), (16, 8, 8), (16, 2, 2), (3, 16, 16), (120,), (10,)])
def test_a_generic_client_has_the_shape_of_the_ir_and_no_5x5_convolution(value: tuple[int, ...]) -> None:
    client = generic_client((3, 16, 16), value)

    assert client(torch.rand(2, 3, 16, 16)).shape == (2, *value)
    sizes = [layer.kernel_size for layer in client.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert sizes == [(3, 3)] * len(sizes)


@pytest.mark.slow
def test_the_moments_of_the_recorded_wires_help_at_an_early_split(world: Callable) -> None:
    victim = world("conv1")
    victim.wire = victim.model.send(victim.aux.images[:64])

    with_moments, without = (
        psnr(victim.attacked_by(QueryFree(moments=weight)), victim.aux.images[:64]).mean() for weight in (10.0, 0.0)
    )

    assert with_moments > without


def test_the_score_of_an_image_does_not_depend_on_the_other_images_under_attack(world: Callable) -> None:
    victim = world("conv1")
    seen = replace(victim.seen_by(QueryFree()), traffic=victim.model.send(victim.aux.images[:64]))

    def first(count: int) -> torch.Tensor:
        torch.manual_seed(0)
        some = replace(seen, wire=Wire(seen.wire.tensor[:count]))
        return QueryFree(steps=10, iterations=5).reconstruct(some)[:2]

    torch.testing.assert_close(first(2), first(6), atol=1e-3, rtol=0)
    apart = replace(seen, traffic=Wire(seen.wire.tensor.repeat(2, 1, 1, 1) * 3))
    torch.manual_seed(0)
    assert (QueryFree(steps=10, iterations=5).reconstruct(apart)[:2] - first(6)).abs().max() > 1e-3


def test_the_moments_of_very_few_wires_are_ignored(world: Callable) -> None:
    victim = world("conv1")
    victim.wire = Wire(victim.wire.tensor[:1])

    with_moments, without = (victim.attacked_by(QueryFree(moments=weight, steps=5)) for weight in (10.0, 0.0))

    assert torch.equal(with_moments, without)


def test_a_wire_that_is_no_ir_is_declined(world: Callable) -> None:
    victim = world("conv1")
    victim.wire = Wire(torch.zeros(3, 7))

    with pytest.raises(Inapplicable, match=r"\(7,\)"):
        victim.attacked_by(QueryFree())


def trained(monkeypatch: pytest.MonkeyPatch, victim: Any, losses: list[float], **params: Any) -> list[Shadow]:
    """The shadows when they come out with given biases."""
    made = []

    def build() -> nn.Module:
        made.append(nn.Conv2d(1, 8, 5))
        return made[-1]

    def train(shadow: nn.ModuleList, loss: Callable, **_: Any) -> None:
        client = shadow[0].requires_grad_(False)
        client.weight.zero_()  # pyright: ignore[reportCallIssue]
        client.bias.fill_(losses[len(made) - 1])  # pyright: ignore[reportCallIssue]

    monkeypatch.setattr(_shadow, "_train", train)
    given = {"restarts": 3, "moments": 10.0, "epochs": 1, "steps": None, **params}
    return shadows(build, victim.seen_by(QueryFree()), victim.wire, ShadowRecipe(**given))


def test_the_shadow_whose_wires_are_like_the_recorded_ones_has_the_lowest_loss(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = world("conv1")
    victim.wire = torch.zeros(8, 8, 12, 12)

    losses = [shadow.loss for shadow in trained(monkeypatch, victim, [2.0, 0.1, -3.0])]

    assert len(losses) == 3
    assert min(losses) == losses[1]


def test_an_expensive_network_is_imitated_once_unless_steps_are_asked_for(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = world("conv1")
    victim.wire = victim.wire.tensor
    monkeypatch.setattr(_shadow, "max_query_images", lambda *_: 640)

    assert len(trained(monkeypatch, victim, [1.0, 1.0, 1.0])) == 1
    assert len(trained(monkeypatch, victim, [1.0, 1.0, 1.0], steps=5)) == 3


class Whole(Channel):
    """Sends whole numbers, without a gradient."""

    def clean(self, value: Tensor) -> Tensor:
        return 10 * value

    def forward(self, value: Tensor) -> Tensor:
        return self.clean(value).round().to(torch.int8)


def test_a_channel_of_whole_numbers_has_the_gradient_of_its_clean_part() -> None:
    value = torch.tensor([[0.31, 0.58]], requires_grad=True)

    sent = sent_through(Whole(), value)
    sent.sum().backward()

    assert sent.tolist() == [[3.0, 6.0]]
    assert value.grad is not None
    assert value.grad.tolist() == [[10.0, 10.0]]
    assert sent_through(Whole(), value.detach()).dtype is torch.float32


class Halved(Channel):
    """Halves images."""

    def clean(self, value: Tensor) -> Tensor:
        return value / 2

    def forward(self, value: Tensor) -> Tensor:
        return self.clean(value)


class Blurred(Halved):
    """Halves images, and adds the same random number to all pixels of each."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return self.clean(value) + torch.randn(len(value), 1, 1, 1)


@pytest.mark.parametrize("likeness", ["same", "different"])
def test_a_substitute_is_behind_the_deterministic_changes_of_images_that_are_published(
    likeness: Likeness, world: Callable
) -> None:
    plain, halved = (world("conv1", before=before) for before in (None, Halved()))
    torch.manual_seed(1)
    one = substitutes(plain.seen_by(QueryFree()), plain.wire.tensor, likeness)()
    after = torch.get_rng_state()
    torch.manual_seed(1)
    other = substitutes(halved.seen_by(QueryFree()), halved.wire.tensor, likeness)()

    images = plain.aux.images[:3]
    assert torch.equal(torch.get_rng_state(), after)
    assert torch.equal(other(images), one(images / 2))
    assert torch.equal(sent_by(other, images), other(images))


@pytest.mark.parametrize("likeness", ["same", "different"])
def test_a_substitute_sends_with_fresh_randomness_and_is_searched_without(likeness: Likeness, world: Callable) -> None:
    victim = world("conv1", before=Blurred())
    client = substitutes(victim.seen_by(QueryFree()), victim.wire.tensor, likeness)()
    images = victim.aux.images[:3]

    assert torch.equal(client(images), client(images))
    assert torch.equal(client(images), client.client(images / 2))  # pyright: ignore[reportCallIssue]
    assert (sent_by(client, images) - sent_by(client, images)).flatten(1).abs().amax(1).min() > 0


def test_the_server_sees_images_before_a_random_change_and_moments_are_compared_behind_it(world: Callable) -> None:
    victim = world("conv1", before=Blurred())
    wire = victim.model.send(victim.aux.images[:16]).tensor
    seen = victim.seen_by(QueryFree())
    client = substitutes(seen, wire, "same")()
    batch = torch.arange(8)

    def losses(moments: float) -> list[float]:
        loss = _shadow._Imitation(seen, wire, moments)
        return [loss(loss.build(client), batch).item() for _ in range(2)]

    assert len(set(losses(0.0))) == 1
    assert len(set(losses(10.0))) == 2


def test_nothing_random_is_drawn_for_images_that_no_defense_changes(world: Callable) -> None:
    victim = world("conv1")
    client = substitutes(victim.seen_by(QueryFree()), victim.wire.tensor, "same")()
    before = torch.get_rng_state()

    assert type(client) is type(victim.model.client)
    assert torch.equal(sent_by(client, victim.aux.images), client(victim.aux.images))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("attack", [AutoQueryFree(restarts=1, steps=2), FeatureMatch(restarts=1, steps=2)])
def test_decoders_learn_to_find_the_images_from_before_a_random_change(
    attack: Attack, world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = world("conv1", before=Blurred())
    victim.wire = victim.model.send(victim.aux.images[:16])
    given = []

    def keep(seen: Observation, *_: Any) -> Reconstruction:
        given.append(seen)
        raise Inapplicable("Kept.")

    monkeypatch.setattr(_substitute_decoding, "ensemble", keep)
    with pytest.raises(Inapplicable, match="Kept"):
        victim.attacked_by(attack)

    (seen,) = given
    images = victim.aux.images
    assert torch.equal(seen.aux.images, images)
    assert (seen.query(images).tensor - seen.query(images).tensor).abs().max() > 0.01


def test_shadows_whose_training_diverged_are_left_out() -> None:
    good, bad = Shadow(0.5, nn.Identity()), Shadow(float("nan"), nn.Identity())

    assert usable([bad, good]) == [good]
    with pytest.raises(FloatingPointError, match="got NaN or infinity from all of them"):
        usable([bad])


def test_a_single_shadow_whose_training_diverged_is_no_answer(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(shadow: nn.ModuleList, *_: object, **__: object) -> None:
        for weight in shadow.parameters():
            nn.init.constant_(weight, torch.nan)

    monkeypatch.setattr(_shadow, "_train", diverge)

    with pytest.raises(FloatingPointError, match="got NaN or infinity from all of them"):
        world("relu2").attacked_by(QueryFree(restarts=1))


class Lookup(nn.Module):
    """Reads a token from each pixel and averages what it stands for: nothing that a small change of it changes."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 8)

    def forward(self, images: Tensor) -> Tensor:
        return self.table((images.flatten(1) * 8).round().long()).mean(1)


def linear_decoder(seen: Observation, _: object) -> Reconstruction:
    images = Ridge().reconstruct(seen)
    return Reconstruction(images, "ridge", {"ridge": images})


def test_a_client_without_gradients_is_refused_and_the_stronger_attack_does_without_them(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_substitute_decoding, "ensemble", linear_decoder)  # the whole one takes minutes to train
    victim = world("conv1")
    victim.model = SplitModel(client=Lookup().requires_grad_(False), server=nn.Sequential(nn.Linear(8, 2)))
    victim.wire = victim.model.send(victim.private.images)
    seen = replace(victim.seen_by(QueryFree()), traffic=victim.model.send(victim.aux.images[:64]))

    with pytest.raises(Inapplicable, match="Expected a client that gives gradients"):
        QueryFree(steps=2, iterations=2).reconstruct(seen)
    rebuilt = AutoQueryFree(restarts=2, steps=2).reconstruct(seen)
    assert [*rebuilt.members] == ["ridge", "mean"]
