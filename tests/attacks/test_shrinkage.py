"""How far an attack believes itself."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from mia_bench.attacks._shrinkage import (
    MIN_TESTED,
    Judged,
    shrink_to_mean,
    shrinkage_factor,
    shrinkage_factor_of_search,
)
from mia_bench.attacks.black_box import BlackBox
from mia_bench.attacks.encoder_decoder import EncoderDecoder
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.attacks.ridge import Ridge
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark.interfaces import Channel, Wire
from mia_bench.benchmark.metrics import psnr
from torch import Tensor

MEAN = torch.full((1, 4, 4), 0.5)


class Sealed(Channel):
    """Lets nothing through; what is sent instead has as many bytes as a clean value has numbers."""

    stochastic = True

    def read(self, wire: Wire) -> Tensor:
        return (wire.tensor - 0.5).unflatten(1, (8, 12, 12))


def random_bytes(images: Tensor) -> Wire:
    numbers = torch.randint(256, (len(images), 8 * 12 * 12), dtype=torch.uint8)
    return Wire(tuple(row.numpy().tobytes() for row in numbers))


def judged(rebuilt: Tensor, truth: Tensor) -> Judged:
    return Judged(rebuilt, truth, MEAN)


def test_what_beats_the_mean_image_is_left_as_it_is() -> None:
    truth = torch.rand(50, 1, 4, 4)
    assert shrinkage_factor(judged(truth + 0.1 * torch.randn_like(truth), truth)) == 1


def test_noise_is_not_trusted() -> None:
    truth = torch.rand(2000, 1, 4, 4)
    assert shrinkage_factor(judged(torch.rand_like(truth), truth)) == 0


@pytest.mark.parametrize("folds", [1, 4])
def test_small_deviations_that_agree_by_chance_are_not_trusted(folds: int) -> None:
    """Images that differ in brightness alone agree by chance often, and the factor of least error is then about 1."""
    torch.manual_seed(0)
    found = []
    for _ in range(200):
        truth = 0.5 + 0.3 * torch.randn(32, 1, 1, 1).expand(32, 1, 4, 4)
        rebuilt = 0.5 + 0.03 * torch.randn(32, 1, 1, 1).expand(32, 1, 4, 4)
        parts = zip(rebuilt.chunk(folds), truth.chunk(folds), strict=True)
        found.append(shrinkage_factor(*(judged(*part) for part in parts)))
    assert sum(factor > 0 for factor in found) <= 6  # 1.2 are expected


@pytest.mark.parametrize("folds", [1, 4])
def test_a_weak_but_clear_agreement_is_trusted(folds: int) -> None:
    torch.manual_seed(0)
    truth = torch.rand(32, 1, 4, 4)
    rebuilt = 0.5 + 0.2 * (truth - 0.5) + 0.1 * torch.randn_like(truth)
    parts = zip(rebuilt.chunk(folds), truth.chunk(folds), strict=True)
    assert shrinkage_factor(*(judged(*part) for part in parts)) == 1


def test_accurate_reconstructions_of_images_that_are_dark_but_for_a_few_are_trusted() -> None:
    """In inner products the bright images outweigh all others, so that agreement looks like chance."""
    torch.manual_seed(0)
    found = []
    for _ in range(100):
        truth = (torch.rand(12, 1, 1, 1) ** 8).expand(12, 1, 4, 4)
        rebuilt = truth + 0.003 * torch.randn_like(truth)
        parts = zip(rebuilt.chunk(4), truth.chunk(4), strict=True)
        found.append(shrinkage_factor(*(Judged(*part, truth.mean(0)) for part in parts)))
    assert min(found) == 1


@pytest.mark.parametrize("folds", [1, 4])
def test_accurate_reconstructions_are_trusted_if_other_images_have_moved_the_mean(folds: int) -> None:
    """The deviations of all images from it then agree with each other."""
    torch.manual_seed(0)
    truth = 0.1 * torch.rand(32, 1, 1, 1).expand(32, 1, 4, 4)
    rebuilt = truth + 0.003 * torch.randn_like(truth)
    parts = zip(rebuilt.chunk(folds), truth.chunk(folds), strict=True)
    assert shrinkage_factor(*(judged(*part) for part in parts)) == 1


def test_few_images_are_not_tested() -> None:
    truth = torch.full((MIN_TESTED - 1, 1, 4, 4), 0.7)  # all agree with all
    assert shrinkage_factor(judged(truth, truth)) == 1


def test_the_factor_is_the_one_of_least_error() -> None:
    truth = torch.rand(50, 1, 4, 4)
    rebuilt = truth + 2 * torch.randn_like(truth)
    factor = shrinkage_factor(judged(rebuilt, truth))
    errors = [
        (shrink_to_mean(rebuilt, MEAN, f) - truth).square().mean() for f in (factor - 0.02, factor, factor + 0.02)
    ]
    assert 0 < factor < 0.5
    assert errors[1] < min(errors[0], errors[2])


def test_a_search_that_fails_on_a_few_images_is_trusted_on_the_others() -> None:
    torch.manual_seed(0)
    truth = MEAN + 0.1 * torch.randn(16, 1, 4, 4)
    rebuilt = truth.clone()
    rebuilt[:4] = (MEAN - 5 * (truth[:4] - MEAN)).clamp(0, 1)
    judged = Judged(rebuilt, truth, MEAN)

    assert shrinkage_factor(judged) < 0.3
    assert shrinkage_factor_of_search(judged) == 1


def test_a_search_without_information_is_not_trusted() -> None:
    torch.manual_seed(0)
    truth, noise = MEAN + 0.1 * torch.randn(2, 16, 1, 4, 4)

    assert shrinkage_factor_of_search(Judged(noise, truth, MEAN)) == 0


def test_a_search_is_shrunk_where_that_gives_more_decibels() -> None:
    torch.manual_seed(0)
    truth = MEAN + 0.1 * torch.randn(16, 1, 4, 4)
    rebuilt = MEAN + 4 * (truth - MEAN) + 0.1 * torch.randn(16, 1, 4, 4)
    judged = Judged(rebuilt, truth, MEAN)

    assert shrinkage_factor_of_search(judged) == shrinkage_factor(judged) < 0.5


def test_a_reconstruction_without_any_deviation_is_kept() -> None:
    assert shrinkage_factor(judged(MEAN.expand(3, 1, 4, 4), torch.rand(3, 1, 4, 4))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("attack", [Ridge(), BlackBox(), EncoderDecoder(epochs=60, steps=400), WhiteBox(iterations=40)])
def test_on_a_wire_that_tells_nothing_an_attack_ends_at_the_mean_image(attack, world: Callable) -> None:
    victim = world("conv1", Sealed())
    private, aux = victim.aux[:64], victim.aux[64:]
    torch.manual_seed(0)
    seen = replace(victim.seen_by(attack), aux=aux, wire=random_bytes(private.images), query=random_bytes)

    reached = psnr(attack.reconstruct(seen), private.images).mean().item()

    reference = psnr(MeanImage().reconstruct(seen), private.images).mean().item()
    assert reached == pytest.approx(reference, abs=0.15)
