"""A collection of learned noises."""

import pytest
import torch
from mia_bench.benchmark.interfaces import SplitModel
from mia_bench.defenses.shredder import Shredder
from torch import nn


def subtracted(channel, wires):
    """Each stored tensor taken from each wire, (T, N, ...)."""
    return wires - channel.noises[:, None]


def test_what_is_sent_differs_from_the_ir_by_exactly_one_stored_tensor(model, train, private):
    protected = Shredder(collection=5).protect(model, train)
    clean, sent = model.send(private.images).tensor, protected.send(private.images).tensor
    fits = torch.isclose(sent, clean + protected.ir_channel.noises[:, None], atol=1e-4).flatten(2).all(2)  # (T, N)
    assert (fits.sum(0) == 1).all()
    assert (fits.float().mean(1) - 0.2).abs().max() < 0.08


def test_subtracting_the_tensor_with_the_least_distance_recovers_the_clean_ir(model, train, private):
    channel = Shredder().protect(model, train).ir_channel
    clean = model.send(private.images).tensor
    sent = channel(clean)
    blind = model.send(private.images.mean(0, keepdim=True)).tensor  # all that the attacker starts from
    candidates = subtracted(channel, sent)
    best = (candidates - blind).square().flatten(2).sum(2).argmin(0)
    recovered = candidates[best, torch.arange(len(sent))]
    torch.testing.assert_close(recovered, clean, atol=1e-4, rtol=1e-4)


def test_the_distance_is_the_least_over_the_stored_tensors(model, train, private):
    channel = Shredder(collection=7).protect(model, train).ir_channel
    value = model.send(private.images[:30]).tensor.requires_grad_()
    sent = channel(model.send(private.images[30:60]).tensor)
    slow = (subtracted(channel, sent) - value).square().flatten(2).sum(2).amin(0)
    torch.testing.assert_close(channel.distance(value, sent), slow)
    fast_slope, slow_slope = (
        torch.autograd.grad(each.sum(), value)[0] for each in (channel.distance(value, sent), slow)
    )
    torch.testing.assert_close(fast_slope, slow_slope)
    assert channel.distance(value, channel(value)).max() < 1e-6


@pytest.mark.parametrize("wires", [2, 3, 8])
def test_two_different_wires_of_an_image_give_its_ir_away(wires, model, train, private):
    channel = Shredder(collection=6).protect(model, train).ir_channel
    clean = model.send(private.images[:200]).tensor
    sent = torch.stack([channel(clean) for _ in range(wires)])
    differ = (sent != sent[0]).flatten(2).any(2).any(0)
    assert differ.any()
    merged = channel.merge(sent)
    torch.testing.assert_close(merged[differ], (clean + channel.noises[0])[differ], atol=1e-4, rtol=1e-4)
    assert torch.equal(merged[~differ], sent[0][~differ])


def test_a_collection_of_one_is_not_random_and_hides_nothing(model, train, private):
    protected = Shredder(collection=1).protect(model, train)
    assert not protected.stochastic
    sent = protected.send(private.images).tensor
    torch.testing.assert_close(sent - protected.ir_channel.noises[0], model.send(private.images).tensor)


def test_training_makes_the_noise_cheap_and_the_weight_makes_it_large(target, train, judged):
    model = target.split("relu2")
    drawn, learned = (
        Shredder(noise_scale=4, spread_weight=0, tuning_epochs=epochs).protect(model, train) for epochs in (0, 1)
    )
    assert judged(learned)[0] > judged(drawn)[0] + 0.02
    spreads = [
        Shredder(spread_weight=weight, tuning_epochs=2).protect(model, train).ir_channel.noises.std().item()
        for weight in (0, 1)
    ]
    assert spreads[1] > spreads[0] * 1.2


def test_the_noise_starts_at_the_given_scale(model, train):
    unit = model.send(train.images[:512]).tensor.std().item()
    noises = Shredder(noise_scale=3, tuning_epochs=0).protect(model, train).ir_channel.noises
    assert noises.std().item() == pytest.approx(3 * unit, rel=0.03)
    kurtosis = noises.div(noises.std()).pow(4).mean().item()
    assert kurtosis == pytest.approx(6, abs=1)  # of a Laplacian variable; 3 would be a normal one


def test_the_network_stays_as_it_is(model, train):
    protected = Shredder().protect(model, train)
    for mine, given in zip(protected.server.parameters(), model.server.parameters(), strict=True):
        assert torch.equal(mine, given)


def test_noise_on_an_ir_of_one_number_is_finite(train):
    client = nn.Sequential(nn.Flatten(), nn.Linear(256, 1))
    model = SplitModel(client=client, server=nn.Sequential(nn.Linear(1, 4)))
    channel = Shredder(collection=3).protect(model, train).ir_channel
    assert channel.noises.isfinite().all()
    assert channel.noises.shape == (3, 1)
