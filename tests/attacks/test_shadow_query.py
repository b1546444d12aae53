"""Imitating the client from queries, and inverting the imitation."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._generic_client import generic_client
from mia_bench.attacks._shadow import imitate
from mia_bench.attacks.shadow_query import ShadowQuery
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Channel
from mia_bench.benchmark.metrics import psnr


@pytest.mark.slow
def test_a_shadow_sends_what_the_client_sends_for_images_it_was_not_trained_on(world: Callable) -> None:
    victim = world("conv1")
    queries = Queries(victim.seen_by(ShadowQuery()), victim.aux.images, as_read=True)
    torch.manual_seed(0)

    shadow = imitate(generic_client((1, 16, 16), (8, 12, 12)), queries, epochs=100, steps=500)

    images = victim.private.images
    sent = victim.model.client(images)
    with torch.no_grad():
        unexplained = (shadow(images) - sent).square().mean() / sent.var()

    assert unexplained < 0.05


@pytest.mark.slow
def test_it_rebuilds_far_more_than_the_mean_image(world: Callable) -> None:
    victim = world("conv1")
    originals = victim.private.images
    mean = victim.aux.images.mean(0).expand_as(originals)

    rebuilt = victim.attacked_by(ShadowQuery(epochs=30))

    assert psnr(rebuilt, originals).mean() > psnr(mean, originals).mean() + 5


@pytest.mark.slow
def test_a_better_trained_shadow_rebuilds_more(world: Callable) -> None:
    victim = world("conv1")

    trained, hardly = (
        psnr(victim.attacked_by(ShadowQuery(epochs=30, steps=steps)), victim.private.images).mean()
        for steps in (200, 3)
    )

    assert trained > hardly + 2


@pytest.mark.parametrize(("value", "padding"), [((8, 24, 24), 0), ((16, 8, 8), 0), ((8, 14, 14), 1), ((9, 28, 28), 1)])
def test_a_generic_client_sees_the_pixels_that_the_clients_of_the_papers_see(
    value: tuple[int, ...], padding: int
) -> None:
    client = generic_client((1, 28, 28), value)

    assert client(torch.rand(2, 1, 28, 28)).shape == (2, *value)
    assert {layer.padding for layer in client.modules() if isinstance(layer, torch.nn.Conv2d)} == {(padding, padding)}


def test_a_wire_whose_channel_is_secret_is_declined(world: Callable) -> None:
    class Secret(Channel):
        published = False

    victim = world("conv1", Secret())

    with pytest.raises(Inapplicable, match="publishes nothing"):
        victim.attacked_by(ShadowQuery())
