"""The ensemble: what it selects, and when members are left out."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from mia_bench.attacks import _ensemble
from mia_bench.attacks.auto import Auto
from mia_bench.attacks.auto_query_free import AutoQueryFree
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.benchmark.interfaces import Reconstruction
from mia_bench.benchmark.metrics import psnr
from mia_bench.benchmark.split_model import Channel
from mia_bench.benchmark.wire import Wire
from torch import Tensor


class Secret(Channel):
    published = False


def tried(victim) -> Reconstruction:
    torch.manual_seed(0)
    return Auto().reconstruct(victim.seen_by(Auto()))


def test_it_selects_the_best_member_where_one_is_clearly_best(world: Callable) -> None:
    victim = world("pool1")

    rebuilt = tried(victim)

    scores = {name: psnr(images, victim.private.images).mean().item() for name, images in rebuilt.members.items()}
    assert list(scores) == ["ridge", "ridge_skip", "map_pca", "map_dec"]
    assert rebuilt.images is rebuilt.members[rebuilt.selected]
    assert scores[rebuilt.selected] > max(scores.values()) - 0.5
    assert scores[rebuilt.selected] > scores["ridge"] + 2


def test_the_private_wire_has_no_say_in_the_selection(world: Callable) -> None:
    victim = world("pool1")
    selected = tried(victim).selected
    victim.wire = Wire(torch.rand_like(victim.wire.tensor))

    assert tried(victim).selected == selected


def test_where_nothing_is_published_only_the_learners_take_part(world: Callable) -> None:
    assert set(tried(world("conv1", Secret())).members) == {"ridge", "ridge_skip"}


def test_on_a_wire_that_tells_nothing_it_ends_at_the_mean_image(world: Callable) -> None:
    victim = world("conv1")

    def static(images: Tensor) -> Wire:
        return Wire(torch.randn(len(images), 8, 12, 12))

    private, aux = victim.aux[:64], victim.aux[64:]
    torch.manual_seed(0)
    seen = replace(victim.seen_by(Auto()), aux=aux, wire=static(private.images), query=static)

    reached = psnr(Auto().reconstruct(seen).images, private.images).mean().item()

    reference = psnr(MeanImage().reconstruct(seen), private.images).mean().item()
    assert reached == pytest.approx(reference, abs=0.15)


def test_without_queries_the_members_see_the_shadow_only(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ensemble, "ITERATIONS", 5)
    victim = world("conv1")
    seen = victim.seen_by(AutoQueryFree())
    assert seen.query is None
    assert seen.client is None

    assert len(AutoQueryFree(epochs=1).reconstruct(seen).members) == 4
