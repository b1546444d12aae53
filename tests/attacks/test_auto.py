"""The ensemble: what it selects, and when members are left out."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from mia_bench.attacks import _ensemble, auto_query_free
from mia_bench.attacks._decoders.divided import Answer
from mia_bench.attacks._ensemble import select_answer, worth_correcting
from mia_bench.attacks._inversion.start import Start
from mia_bench.attacks.auto import Auto
from mia_bench.attacks.auto_query_free import AutoQueryFree
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.benchmark.interfaces import Channel, Observation, Reconstruction, Wire
from mia_bench.benchmark.metrics import psnr
from torch import Tensor

MEMBERS = [["ridge", "ridge_skip", "search", "search_corrected"]] + [
    ["ridge", "ridge_skip", "search", *corrected, prior, f"{prior}_corrected"]
    for prior in ("map_pca", "map_dec")
    for corrected in ([], ["search_corrected"])
]


class Secret(Channel):
    published = False


def tried(victim) -> Reconstruction:
    torch.manual_seed(0)
    return Auto().reconstruct(victim.seen_by(Auto()))


@pytest.fixture(scope="module")
def at_pool1(world: Callable) -> tuple[Any, Reconstruction]:
    victim = world("pool1")
    return victim, tried(victim)


@pytest.mark.slow
def test_it_selects_the_best_member_where_one_is_clearly_best(at_pool1: tuple[Any, Reconstruction]) -> None:
    victim, rebuilt = at_pool1

    scores = {name: psnr(images, victim.private.images).mean().item() for name, images in rebuilt.members.items()}
    assert list(scores) in MEMBERS
    assert rebuilt.images is rebuilt.members[rebuilt.selected]
    assert scores[rebuilt.selected] > max(scores.values()) - 0.5
    assert scores[rebuilt.selected] > scores["ridge"] + 2


@pytest.mark.slow
def test_the_private_wire_has_no_say_in_the_selection(at_pool1: tuple[Any, Reconstruction], world: Callable) -> None:
    victim = world("pool1")
    victim.wire = Wire(torch.rand_like(victim.wire.tensor))

    assert tried(victim).selected == at_pool1[1].selected


def test_psnr_and_ssim_each_select_their_own_member() -> None:
    sharp, smooth = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)

    found = select_answer({"sharp": Answer(sharp, 20.0, 0.9), "smooth": Answer(smooth, 21.0, 0.8)})
    same = select_answer({"sharp": Answer(sharp, 20.0, 0.9), "smooth": Answer(smooth, 21.0, 0.9)})

    assert (found.selected, found.selected_by_ssim) == ("smooth", "sharp")
    assert (found.images is smooth, found.similar is sharp) == (True, True)
    assert (same.selected, same.selected_by_ssim) == ("smooth", "")


@pytest.mark.parametrize(("search", "corrected"), [(20.0, ["map_pca", "search"]), (18.0, ["map_pca"])])
def test_a_search_that_is_not_far_behind_is_corrected_too(search: float, corrected: list[str]) -> None:
    """A correction gains more behind one search than behind another."""
    assert sorted(worth_correcting({"search": search, "map_pca": 20.6})) == corrected


def test_where_nothing_is_published_only_the_learners_take_part(world: Callable) -> None:
    assert set(tried(world("conv1", Secret())).members) == {"ridge", "ridge_skip"}


def test_a_member_that_tells_nothing_is_moved_to_the_mean_image(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noise(_: Observation, start: Start, **__: bool) -> Iterator[tuple[str, list[Tensor]]]:
        yield "noise", [torch.rand(len(wires), 1, 16, 16) for wires in start.queries.to_rebuild]

    monkeypatch.setattr(_ensemble, "_rebuilt", noise)
    victim = world("conv1")
    victim.wire = victim.model.send(victim.aux.images)

    reached = psnr(tried(victim).images, victim.aux.images).mean().item()

    reference = psnr(victim.attacked_by(MeanImage()), victim.aux.images).mean().item()
    assert reached == pytest.approx(reference, abs=0.3)


@pytest.mark.slow
def test_without_queries_the_answer_is_the_mean_of_what_shadows_teach(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto_query_free, "ITERATIONS", 5)
    victim = world("conv1")
    seen = victim.seen_by(AutoQueryFree())
    assert seen.query is None
    assert seen.client is None

    rebuilt = AutoQueryFree(epochs=1, restarts=2).reconstruct(seen)

    assert list(rebuilt.members) == ["ridge", "ridge_skip", "query_free", "mean"]
    *parts, mean = rebuilt.members.values()
    assert rebuilt.images is mean
    torch.testing.assert_close(mean, sum(parts) / 3)


@pytest.mark.parametrize("restarts", [1, 2])
def test_what_shadows_send_has_noise_as_large_as_they_differ(
    world: Callable, monkeypatch: pytest.MonkeyPatch, restarts: int
) -> None:
    sent = []

    def keep(send: Callable[[Tensor], Tensor], seen: Observation, _: Tensor) -> Reconstruction:
        images = seen.aux.images[:1].expand(500, -1, -1, -1)
        sent.append(send(images))
        return Reconstruction(images[: len(seen.wire)], "ridge", {"ridge": images[: len(seen.wire)]})

    monkeypatch.setattr(auto_query_free, "ITERATIONS", 1)
    monkeypatch.setattr(auto_query_free, "decode_through", keep)
    AutoQueryFree(epochs=1, restarts=restarts).reconstruct(world("conv1").seen_by(AutoQueryFree()))

    (numbers,) = sent
    assert len(numbers.unique(dim=0)) == (500 if restarts > 1 else 1)  # one of two values without noise


def test_the_search_finds_images_within_a_few_steps(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ensemble, "ITERATIONS", 5)
    victim = world("conv1")

    members = tried(victim).members

    assert list(members) in MEMBERS
    reached = psnr(members["search"], victim.private.images).mean()
    assert reached > psnr(victim.attacked_by(MeanImage()), victim.private.images).mean() + 8


def test_the_prior_of_patches_takes_part_from_64_pixels_on(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, tried_priors = world("conv1").seen_by(Auto()), list[str]()

    def only_named(seen: Observation, start: Start, priors: Mapping[str, object], **options: object) -> None:
        tried_priors.extend(priors)

    monkeypatch.setattr(_ensemble, "ITERATIONS", 5)
    monkeypatch.setattr(_ensemble, "fit_map", only_named)
    monkeypatch.setattr(_ensemble, "LARGE_IMAGE_PIXELS", 16 * 16)
    assert list(Auto().reconstruct(seen).members) == ["ridge", "ridge_skip", "search", "search_corrected"]
    assert tried_priors == ["map_patch", "map_pca", "map_dec"]

    tried_priors.clear()
    monkeypatch.setattr(_ensemble, "LARGE_IMAGE_PIXELS", 16 * 16 + 1)
    Auto().reconstruct(seen)
    assert tried_priors == ["map_pca", "map_dec"]
