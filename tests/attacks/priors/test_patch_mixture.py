"""The mixture of patches: its density, its gradient, its fit, and the search with it."""

import itertools
from pathlib import Path

import pytest
import torch
from mia_bench.attacks._inversion.posterior import Batch, Posterior
from mia_bench.attacks._priors import expectation_maximization
from mia_bench.attacks._priors.expectation_maximization import drawn_patches, fit_mixture, learned_mixture
from mia_bench.attacks._priors.patch_mixture import PatchMixture
from mia_bench.benchmark.interfaces import Channel
from torch import Tensor, nn

from ..conftest import soft_images


def mixture(components: int, channels: int, side: int) -> PatchMixture:
    torch.manual_seed(0)
    numbers = channels * side**2
    factors = 0.3 * torch.randn(components, numbers, numbers)
    covariances = factors @ factors.mT + 0.01 * torch.eye(numbers)
    weights = torch.arange(1.0, components + 1)
    return PatchMixture(weights / weights.sum(), torch.rand(components, numbers), covariances, side)


def penalty(prior: PatchMixture, images: Tensor) -> Tensor:
    return prior.penalty(images, images)


def test_the_gradient_of_the_penalty_is_that_of_finite_differences() -> None:
    prior, images, step = mixture(3, 1, 2), torch.rand(2, 1, 5, 6, requires_grad=True), 1e-2
    (slope,) = torch.autograd.grad(penalty(prior, images).sum(), images)

    expected = torch.empty_like(slope)
    for place in itertools.product(*map(range, images.shape)):
        moved = torch.zeros_like(images)
        moved[place] = step
        expected[place] = (penalty(prior, images + moved) - penalty(prior, images - moved)).sum() / (2 * step)

    torch.testing.assert_close(slope, expected.detach(), atol=0.05, rtol=0.02)


def test_the_penalty_is_the_density_of_the_most_likely_component() -> None:
    prior, images = mixture(3, 3, 4), torch.rand(5, 3, 4, 4)
    densities = [
        torch.distributions.MultivariateNormal(mean, covariance).log_prob(images.flatten(1)) + weight.log()
        for mean, covariance, weight in zip(prior.means, prior.covariances, prior.weights, strict=True)
    ]
    expected = -torch.stack(densities).amax(0) / 48

    found = penalty(prior, images)

    torch.testing.assert_close(found - found[0], expected - expected[0], atol=1e-3, rtol=1e-3)
    assert found.min() >= 0


@pytest.mark.parametrize("shape", [(1, 1, 28, 28), (2, 3, 17, 30), (1, 1, 5, 9), (2, 3, 4, 3)])
def test_patches_cover_images_of_any_shape(shape: tuple[int, ...]) -> None:
    prior, images = mixture(1, shape[1], 6), torch.rand(shape, requires_grad=True)

    (uses,) = torch.autograd.grad(prior.patches(images).sum(), images)

    assert uses.min() >= 1


def test_patches_are_cut_out_of_images() -> None:
    images = torch.arange(2 * 3 * 5 * 7).view(2, 3, 5, 7).float()
    known = {
        tuple(images[index, :, top : top + 4, left : left + 4].flatten().tolist())
        for index in range(2)
        for top in range(2)
        for left in range(4)
    }

    assert {tuple(patch.tolist()) for patch in drawn_patches(images, 4, 500)} == known


def test_the_fit_finds_the_components_that_samples_come_from() -> None:
    torch.manual_seed(0)
    wide, narrow = torch.randn(3000, 2) * torch.tensor([1.0, 0.1]), 5 + 0.2 * torch.randn(1000, 2)

    weights, means, covariances = fit_mixture(torch.cat([wide, narrow]), 2)

    order = weights.argsort()
    torch.testing.assert_close(weights[order], torch.tensor([0.25, 0.75]), atol=0.01, rtol=0)
    torch.testing.assert_close(means[order], torch.tensor([[5.0, 5.0], [0.0, 0.0]]), atol=0.05, rtol=0)
    expected = torch.stack([torch.diag(torch.tensor([0.04, 0.04])), torch.diag(torch.tensor([1.0, 0.01]))])
    torch.testing.assert_close(covariances[order], expected, atol=0.05, rtol=0)


def test_equal_patches_do_not_become_several_components() -> None:
    torch.manual_seed(0)
    samples = torch.cat([torch.zeros(1500, 4), torch.rand(300, 4)])

    weights, _, _ = fit_mixture(samples, 6)

    assert weights.gt(1e-3).sum() >= 5


def test_one_component_and_an_affine_client_give_the_linear_solution() -> None:
    torch.manual_seed(0)
    linear = nn.Linear(16, 6)
    client, weight = nn.Sequential(nn.Flatten(), linear).requires_grad_(False), 0.01
    wide = mixture(1, 1, 4)
    prior = PatchMixture(wide.weights, torch.full((1, 16), 0.5), 0.02 * wide.covariances, 4)
    wires = client(0.5 + 0.05 * torch.randn(3, 1, 4, 4))

    batch = Batch.of([wires], [torch.full((3, 1, 4, 4), 0.5)])
    found = Posterior(client, Channel().distance, [prior]).search(
        batch, weight=torch.full((3,), weight), iterations=300
    )

    precision = prior.covariances[0].inverse() * weight / 16 / 2
    gram = linear.weight.T @ linear.weight + precision
    away = wires - client(torch.full((1, 1, 4, 4), 0.5))
    expected = 0.5 + torch.linalg.solve(gram, linear.weight.T @ away.T).T
    torch.testing.assert_close(found.flatten(1), expected, atol=1e-3, rtol=0)


def test_the_mixture_is_fitted_once_for_the_same_images(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.rand(20, 1, 16, 16)
    monkeypatch.setattr(expectation_maximization, "PATCHES", 500)
    torch.manual_seed(1)
    first = learned_mixture(images)
    monkeypatch.setattr(expectation_maximization, "fit_mixture", None)
    torch.manual_seed(2)

    again = learned_mixture(images)

    torch.testing.assert_close(first.covariances, again.covariances, atol=0, rtol=0)
    with pytest.raises(TypeError):
        learned_mixture(images.flip(3))


def test_images_of_the_same_kind_are_likelier_than_noise(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectation_maximization, "PATCHES", 5000)
    torch.manual_seed(0)
    prior, images = learned_mixture(soft_images(100).images), soft_images(20).images

    usual, noisy, turned = (penalty(prior, each).mean() for each in (images, torch.rand_like(images), 1 - images))

    assert usual < 0.2 * noisy
    assert usual.item() == pytest.approx(turned.item(), rel=0.3)
