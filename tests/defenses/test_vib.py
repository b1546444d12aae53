"""A variational information bottleneck."""

import pytest
import torch
from mia_bench.benchmark.training import tuning
from mia_bench.defenses.vib import Vib
from torch.distributions import Independent, Normal, kl_divergence


@pytest.fixture
def channel(model, train, monkeypatch):
    """A channel whose deviations all differ."""
    monkeypatch.setattr(tuning, "MIN_STEPS_PER_EPOCH", 1)
    channel = Vib(tuning_epochs=1).protect(model, train).ir_channel.requires_grad_(False)
    channel.scaled_log_std.copy_(torch.randn_like(channel.scaled_log_std) / 30)
    return channel


def density(channel, value):
    return Independent(Normal(value, channel.log_std.exp().expand_as(value)), 3)


def test_the_divergence_is_that_from_the_standard_normal(channel):
    value = torch.randn(7, *channel.log_std.shape)
    standard = Independent(Normal(torch.zeros_like(value), torch.ones_like(value)), 3)
    torch.testing.assert_close(
        channel.divergence(value), kl_divergence(density(channel, value), standard), rtol=1e-4, atol=0.1
    )


def test_the_log_density_differs_from_that_of_torch_by_a_constant(channel):
    value = torch.randn(5, *channel.log_std.shape)
    sent = channel(torch.zeros_like(value))
    differences = channel.log_density(value, sent) - density(channel, value).log_prob(sent)
    torch.testing.assert_close(differences, differences[:1].expand(5), rtol=1e-4, atol=0.05)


def test_the_noise_is_fresh_and_has_the_deviation_that_is_published(channel):
    sent = channel(torch.ones(4000, *channel.log_std.shape))
    torch.testing.assert_close(sent.std(0), channel.log_std.exp(), rtol=0.08, atol=0)
    torch.testing.assert_close(
        (sent.mean(0) - 1) / channel.log_std.exp(), torch.zeros_like(channel.log_std), rtol=0, atol=0.09
    )


def test_the_mean_of_several_wires_comes_through_the_merged_channel(channel):
    wires = channel(torch.zeros(9, 500, *channel.log_std.shape))
    merged = channel.merged(9)
    torch.testing.assert_close(channel.merge(wires).std(0), merged.log_std.exp(), rtol=0.2, atol=0)
    torch.testing.assert_close(merged.log_std.exp() * 3, channel.log_std.exp())


@pytest.mark.slow
def test_more_weight_on_the_divergence_means_more_noise_for_the_signal_and_tells_less(target, train, judged):
    psnrs, noises = [], []
    for weight in (0, 1e-2, 1e-1):
        protected = Vib(kl_weight=weight, tuning_epochs=2).protect(target.split("relu2"), train)
        signal = protected.client(train.images).std(0).mean()
        noises.append((protected.ir_channel.log_std.exp().mean() / signal).item())
        psnrs.append(judged(protected)[1])
    assert noises[0] < noises[1] < noises[2]
    assert psnrs[0] > psnrs[1] > psnrs[2]


def test_the_network_learns_to_live_with_the_noise(model, train, judged):
    assert judged(Vib().protect(model, train))[0] > judged(model)[0] - 0.05
