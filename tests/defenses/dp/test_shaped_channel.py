"""Noise along what the server ignores."""

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Promise
from mia_bench.defenses._dp.shaped_channel import ShapedNoise
from mia_bench.defenses.dp_ir import DpIr
from pydantic import ValidationError


@pytest.fixture
def channel():
    weights = torch.randn(3, 20) * torch.tensor([[3.0], [1.0], [0.3]])
    return ShapedNoise.of(lambda irs: irs.flatten(1) @ weights.T, torch.randn(8, 4, 5), sigma=0.7), weights


def test_the_covariance_is_the_inverse_of_the_servers_gram_matrix_with_the_variance_of_sigma(channel):
    noise, weights = channel
    energy = weights.T @ weights
    expected = torch.linalg.inv(energy + energy.trace() / 20 * torch.eye(20))
    expected *= 0.49 * 20 / expected.trace()
    drawn = noise(torch.zeros(200_000, 4, 5)).flatten(1)
    torch.testing.assert_close(drawn.T @ drawn / len(drawn), expected, atol=0.01, rtol=0.03)


def test_the_density_is_that_of_the_covariance(channel):
    noise, _ = channel
    value, sent = torch.randn(2, 6, 4, 5)
    basis = noise.directions
    covariance = noise.rest**2 * torch.eye(20) + (basis * (noise.deviations**2 - noise.rest**2)) @ basis.T
    error = (value - sent).flatten(1).double()
    expected = -0.5 * (error @ torch.linalg.inv(covariance.double()) * error).sum(1)
    torch.testing.assert_close(noise.log_density(value, sent), expected, rtol=1e-3, atol=1e-3)
    assert noise.merged(4).rest == pytest.approx(noise.rest / 2)


def test_it_keeps_more_accuracy_than_equal_noise_of_the_same_variance(target, train, private):
    model = target.split("relu3").copy()
    right, spread = {}, {}
    for shape in ("isotropic", "server"):
        protected = DpIr(sigma=15, shape=shape).protect(model, train)
        right[shape] = (protected.classify(private.images).argmax(1) == private.labels).float().mean().item()
        spread[shape] = (protected.send(private.images).tensor - model.send(private.images).tensor).std().item()
        assert protected.promise == Promise()
    assert right["server"] > right["isotropic"] + 0.05
    assert spread["server"] == pytest.approx(spread["isotropic"], rel=0.05)


def test_a_shape_excludes_a_guarantee():
    with pytest.raises(ValidationError, match="without clip and epsilon for shape=server"):
        DpIr(shape="server", clip=1)


def test_a_server_without_derivatives_is_refused_in_a_sentence():
    with pytest.raises(Inapplicable, match="Use shape=isotropic"):
        ShapedNoise.of(lambda irs: (irs > 0).float(), torch.randn(8, 4, 5), sigma=0.7)
