"""The covariance in cosine waves, against full covariances and as a preconditioner."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.attacks import CosineCovariance, minimize
from mia_bench.attacks._decoders.fitting import DecoderRecipe
from mia_bench.attacks._inversion import start as _start
from mia_bench.attacks._inversion.cosine_covariance import random_gradients
from mia_bench.attacks._inversion.decoder_errors import fit_to_errors
from mia_bench.attacks._inversion.start import prepare
from mia_bench.attacks.white_box import WhiteBox
from torch import Tensor, nn


def full(covariance: CosineCovariance, shape: tuple[int, int, int]) -> Tensor:
    """The matrix of a covariance, (d, d)."""
    size = torch.Size(shape).numel()
    return covariance(torch.eye(size).view(size, *shape)).view(size, size)


def waves(size: int) -> Tensor:
    """Cosines of all frequencies, (size, size), whose rows are orthonormal."""
    angle = torch.arange(size)[:, None] * (2 * torch.arange(size) + 1) * torch.pi / (2 * size)
    return torch.nn.functional.normalize(angle.cos())


def test_independent_waves_have_their_own_covariance() -> None:
    torch.manual_seed(0)
    down = torch.tensor([2.0, 1.5, 0.5, 1.0, 0.5, 1.5])  # symmetric, so that all pixels have the same variance
    across = torch.tensor([2.0, 1.5, 1.0, 0.5, 0.7, 0.5, 1.0, 1.5])
    images = waves(6).T @ (torch.randn(20000, 1, 6, 8) * down[:, None] * across) @ waves(8)

    found = full(CosineCovariance(images), (1, 6, 8))

    samples = images.flatten(1)
    torch.testing.assert_close(found, samples.T @ samples / len(samples), atol=0.1, rtol=0)


def test_correlated_colors_and_pixels_of_unequal_variance_are_known() -> None:
    torch.manual_seed(0)
    mixing, deviation = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.4, 0.0], [0.8, 0.0, 0.6]]), 0.2 + torch.rand(4, 5)
    images = torch.einsum("cd,ndhw->nchw", mixing, torch.randn(20000, 3, 4, 5)) * deviation

    found = full(CosineCovariance(images), (3, 4, 5))

    samples = images.flatten(1)
    torch.testing.assert_close(found, samples.T @ samples / len(samples), atol=0.05, rtol=0)


@pytest.mark.parametrize("count", [1, 3, 50])
def test_it_is_symmetric_and_positive_definite_however_few_the_images(count: int) -> None:
    torch.manual_seed(0)
    images = torch.randn(count, 3, 4, 4).cumsum(-1)
    images[:, 1] = 0  # a color that never varies

    matrix = full(CosineCovariance(images), (3, 4, 4)).double()

    torch.testing.assert_close(matrix, matrix.T, atol=1e-5, rtol=1e-4)
    assert torch.linalg.eigvalsh(matrix).min() > 0


def test_images_that_do_not_vary_give_finite_steps() -> None:
    covariance = CosineCovariance(torch.zeros(4, 3, 8, 8))

    assert torch.isfinite(covariance(torch.rand(2, 3, 8, 8))).all()


def test_a_single_image_leaves_the_size_of_gradients_as_it_is() -> None:
    """Pilots of two images have a prior of one, and a search whose gradients are 1e-24 times as large stays put."""
    gradients = torch.rand(3, 2, 4, 4)

    torch.testing.assert_close(CosineCovariance(torch.zeros(1, 2, 4, 4))(gradients), gradients)


def test_few_images_that_smoothly_vary_tell_more_than_their_full_covariance() -> None:
    torch.manual_seed(0)

    def smooth(count: int) -> Tensor:
        return torch.nn.functional.interpolate(torch.randn(count, 1, 5, 5), size=16, mode="bicubic")

    few, many = smooth(15), smooth(20000).flatten(1)
    true = many.T @ many / len(many)

    found = full(CosineCovariance(few), (1, 16, 16))

    direct = few.flatten(1).T @ few.flatten(1) / len(few)
    assert (found - true).norm() < 0.7 * (direct - true).norm()


def test_a_search_with_the_inverse_hessian_takes_few_steps() -> None:
    torch.manual_seed(0)
    energy = 10 ** -(torch.arange(16)[:, None] + torch.arange(16)).div(5.0)  # of each wave, over six magnitudes
    true = waves(16).T @ (0.02 * torch.randn(3, 1, 16, 16) * energy.sqrt()) @ waves(16) + 0.5

    def loss(images: Tensor, index: Tensor) -> Tensor:
        away = waves(16) @ (images - true[index]) @ waves(16).T
        return (away.square() / energy).flatten(1).sum(1)

    samples = waves(16).T @ (torch.randn(5000, 1, 16, 16) * energy.sqrt()) @ waves(16)
    start = torch.full_like(true, 0.5)
    plain, preconditioned = (
        minimize(loss, start, iterations=15, preconditioner=each) for each in (None, CosineCovariance(samples))
    )

    index = torch.arange(3)
    assert (loss(preconditioned, index) < 0.01 * loss(plain, index)).all()


def test_what_the_wire_tells_is_no_longer_uncertain() -> None:
    torch.manual_seed(0)
    samples = torch.randn(5000, 1, 8, 8)

    class Coarse(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return nn.functional.avg_pool2d(images, 4)

    before = CosineCovariance(samples)
    after = before.given(random_gradients(Coarse(), samples))

    constant, fine = torch.ones(1, 1, 8, 8), torch.ones(8).cumprod(0).view(8, 1) * (-torch.ones(8)).cumprod(0)
    told, hidden = (
        (after(wave) * wave).sum() / (before(wave) * wave).sum() for wave in (constant, fine.view(1, 1, 8, 8))
    )
    assert told < 0.6
    assert hidden > 0.9


def test_gradients_that_are_not_finite_tell_nothing() -> None:
    covariance = CosineCovariance(torch.randn(50, 1, 4, 4))
    gradients = torch.randn(6, 1, 4, 4)
    broken, wave = torch.cat([gradients, torch.full((1, 1, 4, 4), torch.nan)]), torch.rand(1, 1, 4, 4)

    torch.testing.assert_close(covariance.given(broken)(wave), covariance.given(gradients)(wave))
    torch.testing.assert_close(covariance.given(broken[6:])(wave), covariance(wave))
    torch.testing.assert_close(covariance.given(1e30 * gradients)(wave), covariance(wave))


def test_the_same_gradients_are_taken_every_time() -> None:
    client, images = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), torch.rand(5, 3, 8, 8)

    first, again = (random_gradients(client, images) for _ in range(2))

    torch.testing.assert_close(first, again, atol=0, rtol=0)


def test_no_image_is_searched_with_the_covariance_of_its_own_error(world: Callable) -> None:
    victim = world("conv1")
    victim.aux = victim.aux[:20]
    torch.manual_seed(0)
    start = prepare(victim.seen_by(WhiteBox()), DecoderRecipe(epochs=1, steps=2), as_read=True)

    errors = fit_to_errors(start.queries, start.decoder, lambda errors: errors)

    for part, decoder, tune, judge in zip(
        start.queries.parts, start.decoder.each, errors.tune, errors.judge, strict=True
    ):
        for index, known in ((part.held_out, tune), (part.judge, judge)):
            own = part.images[index] - decoder(part.wires(index)).clamp(0, 1)
            assert torch.cdist(own.flatten(1), known.flatten(1)).min() > 1e-3


def test_no_fold_measures_the_client_at_images_that_it_holds_out(
    world: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = world("conv1")
    victim.aux = victim.aux[:20]
    torch.manual_seed(0)
    start = prepare(victim.seen_by(WhiteBox()), DecoderRecipe(epochs=1, steps=2), as_read=True)
    measured: list[Tensor] = []

    def watched(client: nn.Module, images: Tensor) -> Tensor:
        measured.append(images)
        return random_gradients(client, images)

    monkeypatch.setattr(_start, "random_gradients", watched)
    assert start.errors.final

    for part, images in zip(start.queries.parts, measured, strict=False):
        assert torch.cdist(part.images[part.held_out].flatten(1), images.flatten(1)).min() > 1e-3
    assert [len(images) for images in measured] == [15, 15, 15, 15, 20]
