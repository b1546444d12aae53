"""What noise on the IR and on the image promises."""

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable, UsageError
from mia_bench.benchmark.interfaces import ImageSet, Promise
from mia_bench.defenses._dp.analytic_gaussian import epsilon_of_sigma
from mia_bench.defenses.dp_input import DpInput
from mia_bench.defenses.dp_ir import DpIr
from pydantic import ValidationError

from ..helpers.defenses import channel_of

both = pytest.mark.parametrize("defense", [DpIr, DpInput])


@both
def test_sigma_alone_promises_nothing(defense, model, train):
    assert defense(sigma=5).protect(model, train).promise == Promise("none", None, None)


@both
def test_a_clip_without_noise_promises_nothing(defense, model, train):
    assert defense(sigma=0, clip=1).protect(model, train).promise == Promise()


@both
def test_sigma_and_clip_promise_the_exact_epsilon(defense, model, train):
    promise = defense(sigma=0.1, clip=1).protect(model, train).promise
    assert promise.guarantee.split(";")[0] == "(159.4, 1e-05)-local DP per release, clip 1, sigma 0.1, seeded noise"
    assert promise.epsilon == pytest.approx(epsilon_of_sigma(0.1 / 2**0.5, 1e-5))
    assert promise.delta == 1e-5


def test_the_pair_error_and_the_reach_follow_from_clip_and_sigma(target, train):
    gaussian = DpIr(sigma=2, clip=1).protect(target.split("conv1"), train).promise
    assert gaussian.gaussian_reach == 0.5
    assert gaussian.pair_error == pytest.approx(0.3085, abs=1e-4)
    assert gaussian.guarantee.endswith("; pair error at least 0.309")
    laplacian = DpIr(sigma=2**0.5 * 4, clip=2, noise="laplacian").protect(target.split("conv1"), train).promise
    assert laplacian.laplacian_reach == pytest.approx(0.5)
    assert laplacian.pair_error == pytest.approx(1 / (1 + 2.71828), abs=1e-4)


def test_more_releases_cost_epsilon(model, train):
    promise = DpIr(sigma=32**0.5, clip=1, releases=100).protect(model, train).promise
    assert (
        promise.guarantee.split(";")[0]
        == "(13.21, 1e-05)-local DP over 100 releases, clip 1, sigma 5.657, seeded noise"
    )


@pytest.mark.parametrize(("accountant", "epsilon"), [("rdp", 4.7285), ("prv", 4.3874)])
def test_the_accountant_can_be_chosen(accountant, epsilon, model, train):
    promise = DpIr(sigma=2**0.5, clip=1, accountant=accountant).protect(model, train).promise
    assert promise.epsilon == pytest.approx(epsilon, abs=2e-4)


def test_prv_refuses_too_little_noise_in_a_sentence(model, train):
    with pytest.raises(UsageError, match="for the accountant 'prv', got"):
        DpIr(sigma=0.1, clip=1, accountant="prv").protect(model, train)


def test_laplacian_noise_promises_pure_differential_privacy(model, train):
    promise = DpIr(sigma=2**0.5 * 4, clip=2, noise="laplacian", releases=3).protect(model, train).promise
    assert promise.epsilon == pytest.approx(3 * 2 * 2 / 4)
    assert promise.delta == 0
    assert promise.guarantee.split(";")[0] == "(3, 0)-local DP over 3 releases, clip 2, sigma 5.657, seeded noise"


@both
@pytest.mark.parametrize("noise", ["gaussian", "laplacian"])
@pytest.mark.parametrize("clip", [None, 3.0])
def test_noise_for_an_epsilon_promises_that_epsilon(defense, noise, clip, model, train):
    given = defense(epsilon=8, noise=noise, clip=clip, releases=2).protect(model, train)
    channel = channel_of(defense, given)
    again = defense(sigma=channel.sigma, noise=noise, clip=channel.clip, releases=2).protect(model, train)
    assert given.promise.epsilon == 8
    assert again.promise.epsilon == pytest.approx(8)
    assert again.promise.delta == given.promise.delta


@both
@pytest.mark.parametrize(("noise", "order"), [("gaussian", 2), ("laplacian", 1)])
def test_without_clip_an_epsilon_clips_to_the_median_norm_of_the_training_images(defense, noise, order, model, train):
    values = model.send(train.images).tensor if defense is DpIr else train.images
    expected = values.flatten(1).norm(p=order, dim=1).median().item()
    channel = channel_of(defense, defense(epsilon=8, noise=noise).protect(model, train))
    assert channel.clip == pytest.approx(expected, rel=1e-5)


def test_a_median_norm_of_zero_is_inapplicable(model):
    black = ImageSet(torch.zeros(10, 1, 16, 16), torch.zeros(10, dtype=torch.int64))
    with pytest.raises(Inapplicable, match="Give clip"):
        DpInput(epsilon=8).protect(model, black)


@pytest.mark.parametrize("defense", [DpIr, DpInput])
@pytest.mark.parametrize("given", [{"sigma": 1}, {"sigma": 1e-13, "clip": 1}, {"sigma": 1e-31, "clip": 1e-25}])
def test_noise_without_a_guarantee_is_not_drawn_by_the_operating_system_and_refused(defense, given):
    with pytest.raises(ValidationError, match="Expected noise with a guarantee for randomness=secure"):
        defense(randomness="secure", **given)


@pytest.mark.parametrize("given", [{"sigma": 1, "clip": 1}, {"epsilon": 8}, {"sigma": 0}])
def test_the_operating_system_draws_noise_with_a_guarantee_or_none(given, model, train):
    DpIr(randomness="secure", **given).protect(model, train)


def test_a_computed_sigma_that_is_too_small_for_a_guarantee_is_refused(model, train):
    with pytest.raises(UsageError, match=r"which is too small for clip=1e-28: .* enough noise"):
        DpIr(randomness="secure", epsilon=1e9, clip=1e-28).protect(model, train)
