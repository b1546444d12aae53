"""The network that corrects what a search found: what it learns, and from which images."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from mia_bench.attacks import _ensemble
from mia_bench.attacks._decoders.fitting import DecoderRecipe, apply
from mia_bench.attacks._inversion import correction
from mia_bench.attacks._inversion.correction import Correction, examples, fit_correction, train_correction
from mia_bench.attacks._inversion.learned_search import LearnedSearch, fit_search
from mia_bench.attacks._inversion.start import Start, prepare
from mia_bench.attacks._inversion.tuning import SearchSetting
from mia_bench.attacks.auto import Auto
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark.interfaces import Channel
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn


def started(victim, count: int) -> Start:
    victim.aux = victim.aux[:count]
    torch.manual_seed(0)
    return prepare(victim.seen_by(WhiteBox()), DecoderRecipe(epochs=1, steps=2), as_read=True)


def common(one: Tensor, other: Tensor) -> int:
    """How many images of the one are among the other."""
    return int((torch.cdist(one.flatten(1), other.flatten(1)).amin(1) < 1e-4).sum())


def test_at_first_it_changes_nothing() -> None:
    images = torch.rand(2, 3, 8, 8)

    torch.testing.assert_close(Correction(3)(images), images)


def test_an_error_that_the_image_tells_is_removed(world: Callable) -> None:
    """The square of an image cannot be undone by a factor, but each pixel tells its own error."""
    truth = 0.2 + 0.6 * world("conv1").aux.images
    found = truth.square()
    torch.manual_seed(0)

    network = train_correction(torch.stack([found, truth], 1)[:200])

    before, after = psnr(found[200:], truth[200:]).mean(), psnr(apply(network, found[200:]), truth[200:]).mean()
    assert after > before + 10


@pytest.mark.parametrize("count", [5, 20, 400])
def test_no_fold_learns_from_images_that_it_judges_on(
    count: int, world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, learned = world("conv1"), []
    start = started(victim, count)

    def watched(pairs: Tensor) -> Correction:
        learned.append(pairs[:, 1])
        return Correction(1)

    def rebuild(wires: list[Tensor]) -> list[Tensor]:
        return [torch.zeros(len(some), 1, 16, 16) for some in wires]

    monkeypatch.setattr(correction, "train_correction", watched)
    search = SimpleNamespace(client=victim.model.client, setting=SearchSetting(1.0, 1), rebuild_held_out=rebuild)

    networks = fit_correction(start, search)  # type: ignore[arg-type]

    parts = start.queries.parts
    assert len(networks.each) == len(parts)
    final, *each = learned if len(parts) > 1 else [learned[0], learned[0]]
    for part, known in zip(parts, each, strict=True):
        assert common(part.images[part.judge], known) == 0
        assert common(known, part.images[: part.own]) == (len(known) - common(known, part.images[part.tune]))
    assert len(final) == (len(parts[0].tune) if len(parts) == 1 else sum(len(part.held_out) for part in parts))


def test_examples_are_searched_as_the_fold_that_holds_them_out_does(world: Callable) -> None:
    victim, asked = world("conv1"), []
    start = started(victim, 20)

    def rebuild(wires: list[Tensor]) -> list[Tensor]:
        asked.extend(wires)
        return [torch.zeros(len(some), 1, 16, 16) for some in wires]

    search = SimpleNamespace(client=victim.model.client, setting=SearchSetting(1.0, 1), rebuild_held_out=rebuild)
    fit_correction(start, search)  # type: ignore[arg-type]

    for part, wires in zip(start.queries.parts, asked, strict=True):
        torch.testing.assert_close(wires, part.wires(part.held_out))


@pytest.mark.parametrize(
    ("pixels", "iterations", "count"), [(32, 1, 256), (64, 1, 64), (224, 1, 8), (32, 300, 84), (32, 10**6, 8)]
)
def test_there_are_fewer_examples_of_larger_images_and_of_slower_clients(
    pixels: int, iterations: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = nn.Conv2d(3, 64, 3, padding=1)
    monkeypatch.setattr(correction, "MAX_MACS", 84.5 * 300 * 3 * 27 * 64 * 32**2)

    assert examples(client, torch.zeros(3, pixels, pixels), iterations) == count


class Noise(Channel):
    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return value + 0.05 * torch.randn_like(value)


@pytest.mark.slow
def test_behind_noise_the_correction_of_images_with_two_levels_is_the_best_member(world: Callable) -> None:
    """No Gaussian prior knows that there are only two levels; the answers of the search show it."""
    victim = world("relu2", Noise())
    images = (victim.aux.images > 0.5).float()
    victim.private, victim.aux = replace(victim.aux, images=images)[380:], replace(victim.aux, images=images)[:200]
    victim.wire = victim.model.send(victim.private.images)
    torch.manual_seed(0)

    rebuilt = Auto().reconstruct(victim.seen_by(Auto()))

    reached = {name: psnr(some, victim.private.images).mean().item() for name, some in rebuilt.members.items()}
    plain = [level for name, level in reached.items() if not name.endswith("_corrected")]
    assert rebuilt.selected.endswith("_corrected")
    assert reached[rebuilt.selected] > max(plain) + 0.5


@pytest.mark.slow
def test_the_ensemble_searches_each_wire_once(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, searched, rebuild = world("conv1"), [], LearnedSearch.rebuild
    victim.aux = victim.aux[:20]
    monkeypatch.setattr(_ensemble, "ITERATIONS", 2)

    def watched(self: LearnedSearch, wires: list[Tensor]) -> list[Tensor]:
        searched.append(torch.cat(wires))
        return rebuild(self, wires)

    monkeypatch.setattr(LearnedSearch, "rebuild", watched)
    torch.manual_seed(0)
    Auto().reconstruct(victim.seen_by(Auto()))

    judged_and_private, held_out = searched
    assert len(judged_and_private) == 12 + len(victim.private.images)
    assert len(held_out) == 20


def test_it_is_found_by_a_search_of_the_ensemble(world: Callable) -> None:
    victim = world("conv1")
    start = started(victim, 40)
    search = fit_search(victim.seen_by(WhiteBox()), start, iterations=5)

    found = search.rebuild(start.queries.to_rebuild)
    images = fit_correction(start, search).rebuild(found)

    assert [each.shape for each in images] == [each.shape for each in found]
    assert all(bool((each >= 0).all() and (each <= 1).all()) for each in images)
