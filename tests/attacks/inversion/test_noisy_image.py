"""The search for noisy images that entered the client, and what is learned from them."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.attacks import _ensemble
from mia_bench.attacks._decoders.fitting import DecoderRecipe
from mia_bench.attacks._inversion import noisy_image
from mia_bench.attacks._inversion.noisy_image import find_noisy_images
from mia_bench.attacks._inversion.start import Start, prepare
from mia_bench.attacks.auto import Auto
from mia_bench.benchmark.interfaces import Channel, Observation, Reconstruction, Wire
from mia_bench.benchmark.metrics import psnr
from mia_bench.benchmark.metrics.macs import count_macs
from mia_bench.defenses._dp.noise_channel import NoiseChannel
from mia_bench.defenses.dropout import _DropoutChannel
from torch import Tensor

SHORT = DecoderRecipe(epochs=2)


def noise(sigma: float = 0.1, clip: float | None = None) -> NoiseChannel:
    return NoiseChannel(noise="gaussian", sigma=sigma, clip=clip)


class Secret(NoiseChannel):
    published = False


class Halved(Channel):
    def clean(self, value: Tensor) -> Tensor:
        return value / 2

    def forward(self, value: Tensor) -> Tensor:
        return self.clean(value)


def begun(seen: Observation) -> Start:
    torch.manual_seed(0)
    return prepare(seen, SHORT, as_read=True)


@pytest.mark.parametrize("clip", [None, 5.0])
def test_what_entered_an_invertible_client_is_found_outside_the_range_of_images(
    world: Callable, clip: float | None
) -> None:
    victim = world("conv1", before=noise(0.5, clip))
    entered = victim.model.input_channel(victim.private.images)
    victim.wire = Wire(victim.model.client(entered))
    seen = victim.seen_by(Auto())

    found = find_noisy_images(seen, begun(seen), iterations=100)

    assert found is not None
    assert entered.min() < -0.2
    assert entered.max() > 1.2 or clip
    torch.testing.assert_close(found.images[-1], entered, atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("before", "off"), [(noise(0.4), 0.4 / 8**0.5), (_DropoutChannel(0.3), 0.02)], ids=["noise", "dropout"]
)
def test_what_entered_in_each_of_several_wires_is_merged_by_the_channel_before_the_client(
    world: Callable, before: Channel, off: float
) -> None:
    victim = world("conv1", before=before)
    seen = victim.seen_by(Auto(observations=8))

    found = find_noisy_images(seen, begun(seen), iterations=100)

    assert found is not None
    assert found.merged == 8
    error = (found.images[-1] - victim.private.images).square().mean().sqrt().item()
    assert error == pytest.approx(off, rel=0.1) or error < off


def test_wires_of_an_expensive_client_are_not_all_searched(world: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = world("conv1", before=noise(0.4)).seen_by(Auto(observations=5))
    start = begun(seen)
    assert seen.unmerged is not None
    assert seen.unmerged.layers is not None
    each = 3 * 100 * count_macs(seen.unmerged.layers, seen.aux.images[:1])
    monkeypatch.setattr(noisy_image, "MAX_MACS", 2.5 * each)

    found = find_noisy_images(seen, start, iterations=100)

    assert found is not None
    assert found.merged == 2
    behind = noisy_image.seen_behind_client(seen, start, found)
    assert behind.query is not None
    assert getattr(behind.channel, "sigma") == pytest.approx(0.4 / 2**0.5)  # noqa: B009
    assert (behind.query(torch.zeros(99, 1, 16, 16)).tensor).std().item() == pytest.approx(0.4 / 2**0.5, rel=0.05)


@pytest.mark.slow
def test_members_learn_from_the_merged_noisy_images_of_several_wires(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ensemble, "ITERATIONS", 60)
    victim = world("conv1", before=_DropoutChannel(0.6))
    seen = victim.seen_by(Auto(observations=8))
    start = begun(seen)

    found = dict(_ensemble._denoised(seen, start, SHORT))

    by_mean = start.decoder.rebuild(start.queries.to_rebuild)[-1]
    reached = [psnr(images, victim.private.images).mean().item() for images in (by_mean, found["denoised"][-1])]
    assert reached[1] > reached[0] + 8


@pytest.mark.slow
def test_members_that_denoise_beat_the_search_between_the_bounds_of_images(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ensemble, "ITERATIONS", 60)
    victim = world("relu1", before=noise(0.2))
    seen = victim.seen_by(Auto())

    torch.manual_seed(0)
    rebuilt = _ensemble.ensemble(seen, SHORT)

    reached = {name: psnr(images, victim.private.images).mean().item() for name, images in rebuilt.members.items()}
    assert reached[rebuilt.selected] > reached["search"] + 1
    assert rebuilt.selected.startswith("denoised")


@pytest.mark.parametrize(
    ("split", "before"),
    [
        ("conv1", Halved()),
        ("conv1", noise(0)),
        ("conv1", Secret(noise="gaussian", sigma=0.1, clip=None)),
        ("pool2", noise()),
    ],
    ids=["not random", "no noise", "not published", "not invertible"],
)
def test_nothing_is_denoised_where_wires_do_not_tell_noise_that_is_known(
    world: Callable, split: str, before: Channel
) -> None:
    seen = world(split, before=before).seen_by(Auto())

    assert find_noisy_images(seen, begun(seen), iterations=30) is None


@pytest.mark.slow
def test_without_noise_on_the_input_the_ensemble_is_that_of_its_other_members(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer() -> Reconstruction:
        torch.manual_seed(0)
        return _ensemble.ensemble(world("conv1", noise(), before=Halved()).seen_by(Auto()), SHORT)

    monkeypatch.setattr(_ensemble, "ITERATIONS", 5)
    now = answer()
    monkeypatch.setattr(_ensemble, "_denoised", lambda *_: ())

    assert torch.equal(now.images, answer().images)


class Stopped(Exception):
    pass


def test_a_denoiser_learns_from_no_image_that_members_are_judged_on(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = world("conv1", before=noise()).seen_by(Auto())
    start, folds = begun(seen), []

    def keep(_: Observation, __: DecoderRecipe, *, as_read: bool, divide: Callable) -> Start:
        folds.extend(divide(seen.aux.images))
        raise Stopped

    monkeypatch.setattr(_ensemble, "prepare", keep)
    monkeypatch.setattr(_ensemble, "ITERATIONS", 30)
    with pytest.raises(Stopped):
        list(_ensemble._denoised(seen, start, SHORT))

    (fold,) = folds
    assert fold is start.queries.folds[0]
