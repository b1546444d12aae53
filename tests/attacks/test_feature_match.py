"""The attack of a server that records traffic and cannot query."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from mia_bench.attacks._alignment import Alignment, aligned
from mia_bench.attacks.feature_match import FeatureMatch
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.benchmark.interfaces import ImageSet, Observation, Reconstruction, Wire
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn

from .conftest import soft_images

RAMP = torch.linspace(0.1, 1, 16).view(16, 1) * torch.linspace(0.4, 1, 16)


def lopsided(data: ImageSet) -> ImageSet:
    """Images that are brighter at one corner; those of the world are as likely as their mirror images and negatives."""
    return replace(data, images=data.images.square() * RAMP)


def attacked(seen: Observation, private: Tensor, **params: object) -> float:
    """The mean PSNR of the attack."""
    torch.manual_seed(0)
    rebuilt = FeatureMatch(restarts=1, steps=100, **params).reconstruct(seen)  # type: ignore[arg-type]
    assert isinstance(rebuilt, Reconstruction)
    return psnr(rebuilt.images, private).mean().item()


def seen_in(victim, *, own: bool = False) -> Observation:
    """What the attacker sees, with wires of 300 other images as traffic, or of their own."""
    victim.private, victim.aux = lopsided(victim.private), lopsided(victim.aux)
    victim.wire = victim.model.send(victim.private.images)
    images = victim.aux.images if own else lopsided(soft_images(300)).images
    return replace(victim.seen_by(FeatureMatch()), traffic=victim.model.send(images))


@pytest.mark.slow
def test_it_reconstructs_from_traffic_and_not_if_its_channels_are_permuted(world: Callable) -> None:
    victim = world("conv1")
    seen, private = seen_in(victim), victim.private.images
    assert (seen.query, seen.client) == (None, None)
    assert seen.traffic is not None
    permuted = replace(seen, traffic=Wire(seen.traffic.tensor.flip(1)))

    reached, misled = attacked(seen, private), attacked(permuted, private)

    assert reached > psnr(victim.attacked_by(MeanImage()), private).mean() + 1.5
    assert misled < reached - 1.5


@pytest.mark.slow
def test_without_the_server_it_stays_near_the_mean_image_if_substitutes_mislead(world: Callable) -> None:
    victim = world("pool1")
    seen = seen_in(victim)

    reached = attacked(seen, victim.private.images, server=False, shadow="different")

    assert reached > psnr(victim.attacked_by(MeanImage()), victim.private.images).mean() - 1.5


def test_of_all_clients_the_true_one_has_the_lowest_loss(world: Callable) -> None:
    victim = world("conv1")
    seen = seen_in(victim, own=True)
    assert seen.traffic is not None
    assert seen.structure is not None
    loss = Alignment.of(seen, seen.traffic.tensor, use_server=True)
    everything = torch.arange(len(seen.aux))

    with torch.no_grad():
        right, wrong = (loss(client, everything) for client in (victim.model.client, seen.structure()))
        own = seen.aux.loss(seen.server(seen.traffic.tensor), everything)  # type: ignore[misc]

    assert wrong > right + 1
    assert right < own + 2  # the classes that the server sees are not those of the labels


@pytest.mark.slow
def test_wires_of_other_users_serve_as_well_as_those_of_its_own_images(world: Callable) -> None:
    own, others = world("conv1"), world("conv1")
    reached = attacked(seen_in(own, own=True), own.private.images)

    assert abs(reached - attacked(seen_in(others), others.private.images)) < 0.7


@pytest.mark.parametrize("images", [10, 150])
def test_a_substitute_is_trained_for_no_more_steps_than_allowed(
    images: int, world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = world("conv1")
    seen = replace(victim.seen_by(FeatureMatch()), aux=victim.aux[:images])
    loss = Alignment.of(seen, victim.wire.tensor, use_server=False)
    sizes, plain = list[int](), Alignment.__call__

    def counted(self: Alignment, client: nn.Module, batch: Tensor) -> Tensor:
        sizes.append(len(batch))
        return plain(self, client, batch)

    monkeypatch.setattr(Alignment, "__call__", counted)
    assert seen.structure is not None
    aligned(seen.structure, loss, steps=7)
    assert 5 <= len(sizes) <= 7
