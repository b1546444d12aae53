"""The channel that clips and adds noise."""

import math

import pytest
import scipy.stats
import torch
from mia_bench.defenses._dp.clipping import clip_norms, median_norm, norms
from mia_bench.defenses._dp.noise_channel import NoiseChannel

KINDS = ("gaussian", "laplacian")


@pytest.mark.parametrize("order", [1, 2])
def test_clipping_bounds_the_norm_and_leaves_small_values_alone(order):
    values = torch.randn(40, 3, 5, 5) * torch.linspace(0, 3, 40).view(-1, 1, 1, 1)
    limit = 5.0
    clipped = clip_norms(values, limit, order)
    small = norms(values, order) <= limit
    assert 0 < small.sum() < 40
    assert (norms(clipped, order) <= limit * (1 + 1e-6)).all()
    assert torch.equal(clipped[small], values[small])
    assert torch.allclose(norms(clipped[~small], order), torch.tensor(limit))
    assert torch.allclose(torch.cosine_similarity(clipped[1:].flatten(1), values[1:].flatten(1)), torch.tensor(1.0))


@pytest.mark.parametrize("order", [1, 2])
def test_clipping_is_differentiable_inside_outside_and_at_zero(order):
    values = torch.randn(6, 7, dtype=torch.float64) * torch.tensor([[0.1], [0.1], [3], [3], [10], [10]])
    assert torch.autograd.gradcheck(lambda v: clip_norms(v, 2.0, order), values.requires_grad_())
    zero = torch.zeros(1, 7, requires_grad=True)
    clip_norms(zero, 2.0, order).sum().backward()
    assert torch.equal(zero.grad, torch.ones(1, 7))


def test_the_median_norm_is_that_of_what_is_encoded():
    images = torch.rand(301, 1, 4, 4)
    expected = torch.stack([(2 * image).abs().sum() for image in images]).median().item()
    assert median_norm(lambda batch: 2 * batch, images, 1) == pytest.approx(expected)


@pytest.mark.parametrize("noise", KINDS)
@pytest.mark.parametrize("sigma", [0.1, 2.5])
def test_the_noise_has_mean_zero_and_standard_deviation_sigma(noise, sigma):
    added = NoiseChannel(noise=noise, sigma=sigma, clip=None)(torch.zeros(1000, 1000)) / sigma
    assert added.mean().item() == pytest.approx(0, abs=0.005)  # 5 standard errors
    assert added.std().item() == pytest.approx(1, abs=0.006)  # 5 standard errors, of the Laplacian too


@pytest.mark.parametrize(
    ("noise", "kurtosis", "mean_size"), [("gaussian", 3, math.sqrt(2 / math.pi)), ("laplacian", 6, 0.7071)]
)
def test_the_noise_has_the_shape_of_its_name(noise, kurtosis, mean_size):
    added = NoiseChannel(noise=noise, sigma=1, clip=None)(torch.zeros(1000, 1000))
    assert added.abs().mean().item() == pytest.approx(mean_size, abs=0.004)
    assert added.pow(4).mean().item() == pytest.approx(kurtosis, abs=0.15)


@pytest.mark.parametrize("noise", KINDS)
def test_noise_is_independent_between_sends_images_and_coordinates(noise):
    channel = NoiseChannel(noise=noise, sigma=1, clip=None)
    first, second = channel(torch.zeros(2, 50_000)), channel(torch.zeros(2, 50_000))
    rows = torch.stack([first[0], first[1], second[0], first[0].roll(1)])
    assert (torch.corrcoef(rows) - torch.eye(4)).abs().max() < 0.025


@pytest.mark.parametrize("noise", KINDS)
def test_the_same_random_stream_gives_the_same_noise(noise):
    channel = NoiseChannel(noise=noise, sigma=1, clip=None)
    sent = []
    for _ in range(2):
        torch.manual_seed(3)
        sent.append(channel(torch.zeros(4, 5)))
    assert torch.equal(*sent)


def test_without_noise_or_clip_the_value_passes_as_it_is():
    channel = NoiseChannel(noise="gaussian", sigma=0, clip=None)
    value = torch.randn(3, 4)
    assert not channel.stochastic
    assert channel(value) is value


@pytest.mark.parametrize("noise", KINDS)
@pytest.mark.parametrize("clip", [None, 2.0])
def test_the_distance_is_zero_at_the_truth_without_noise(noise, clip):
    channel = NoiseChannel(noise=noise, sigma=0, clip=clip)
    value = torch.randn(5, 3, 4)
    assert torch.equal(channel.distance(value, channel(value)), torch.zeros(5))


@pytest.mark.parametrize(
    ("noise", "clip"), [("gaussian", None), ("gaussian", 10.0), ("laplacian", None), ("laplacian", 200.0)]
)
def test_the_distance_is_lower_at_the_truth_than_at_another_value(noise, clip):
    channel = NoiseChannel(noise=noise, sigma=0.3, clip=clip)  # norms are about 20 (L2) and 320 (L1)
    value, other = torch.randn(2, 20, 400).unbind()
    sent = channel(value)
    assert (channel.distance(value, sent) < channel.distance(other, sent)).all()


@pytest.mark.parametrize("noise", KINDS)
def test_the_distance_is_the_negative_log_likelihood_in_units_of_the_squared_value(noise):
    sigma = 0.7
    channel = NoiseChannel(noise=noise, sigma=sigma, clip=None)
    value, sent = torch.randn(2, 6, 30).unbind()
    if noise == "gaussian":
        density = torch.distributions.Normal(value, sigma)
    else:
        density = torch.distributions.Laplace(value, sigma / math.sqrt(2))
    peak = density.log_prob(value).sum(1)
    expected = 2 * sigma**2 * (peak - density.log_prob(sent).sum(1))
    assert torch.allclose(channel.distance(value, sent), expected, rtol=1e-4)


def test_the_distance_differentiates_through_the_clip():
    channel = NoiseChannel(noise="gaussian", sigma=0.1, clip=1.0)
    value = torch.randn(1, 50)
    sent = channel(value)
    candidate = (3 * value).requires_grad_()  # another length, the same clipped value
    channel.distance(candidate, sent).sum().backward()
    assert abs((candidate.grad * value).sum().item()) < 1e-4  # the length is not to be seen behind the clip


@pytest.mark.parametrize("kind", KINDS)
def test_the_log_density_is_that_of_scipy(kind):
    channel = NoiseChannel(noise=kind, sigma=0.7, clip=None)
    value, sent = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    law = scipy.stats.norm(scale=0.7) if kind == "gaussian" else scipy.stats.laplace(scale=0.7 / math.sqrt(2))
    constant = 4 * law.logpdf(0)
    expected = law.logpdf((sent - value).numpy()).sum(1) - constant
    assert torch.allclose(channel.log_density(value, sent), torch.from_numpy(expected))


def test_the_least_noise_has_a_density():
    channel, value = NoiseChannel(noise="gaussian", sigma=1e-200, clip=None), torch.rand(2, 3)
    assert channel.log_density(value, channel(value)).tolist() == [0, 0]
    assert channel.log_density(value, value + 1).tolist() == [-math.inf, -math.inf]


def test_without_noise_there_is_no_density():
    assert (
        NoiseChannel(noise="gaussian", sigma=0.0, clip=None).log_density(torch.zeros(1, 2), torch.zeros(1, 2)) is None
    )


@pytest.mark.parametrize("count", [2, 3, 4, 25])
@pytest.mark.parametrize("kind", KINDS)
def test_merged_wires_are_less_noisy(kind, count):
    channel, clean = NoiseChannel(noise=kind, sigma=0.7, clip=None), torch.randn(500, 100)
    error = channel.merge(torch.stack([channel(clean) for _ in range(count)])) - clean
    assert abs(error.mean().item()) < 0.01
    assert error.std().item() <= channel.merged(count).sigma * 1.03
    assert channel.merged(count).sigma == pytest.approx(0.7 / math.sqrt(count))
