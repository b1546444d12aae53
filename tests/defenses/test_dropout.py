"""Dropout at inference."""

import pytest
import torch
from mia_bench.defenses.dropout import Dropout

from ..helpers.defenses import accuracy


@pytest.mark.parametrize("rate", [0.1, 0.6, 0.9])
def test_the_rate_is_realized_and_the_rest_is_not_rescaled(rate, model, train):
    channel = Dropout(rate=rate).protect(model, train).ir_channel
    value = 1 + torch.rand(500, 1000)
    sent = channel(value)
    kept = sent != 0
    assert 1 - kept.float().mean().item() == pytest.approx(rate, abs=0.004)
    assert torch.equal(sent[kept], value[kept])


def test_coordinates_are_dropped_independently_of_channel_and_image(model, train):
    sent = Dropout(rate=0.5).protect(model, train).ir_channel(torch.ones(4, 40_000))
    assert (torch.corrcoef(sent) - torch.eye(4)).abs().max() < 0.03


def test_every_send_draws_a_fresh_mask(model, train, private):
    protected = Dropout().protect(model, train)
    assert protected.stochastic
    assert not torch.equal(protected.send(private.images).tensor, protected.send(private.images).tensor)


def test_rate_zero_is_exactly_undefended(model, train, private):
    protected = Dropout(rate=0).protect(model, train)
    assert not protected.stochastic
    assert torch.equal(protected.send(private.images).tensor, model.send(private.images).tensor)


def test_dropping_pixels_happens_before_the_client(model, train, private):
    protected = Dropout(rate=0.5, where="input").protect(model, train)
    torch.manual_seed(5)
    sent = protected.send(private.images).tensor
    torch.manual_seed(5)
    dropped = private.images * (torch.rand_like(private.images) >= 0.5)
    assert torch.allclose(sent, model.send(dropped).tensor, atol=1e-5)


def test_the_distance_ignores_what_was_dropped(model, train):
    channel = Dropout(rate=0.6).protect(model, train).ir_channel
    value = 1 + torch.rand(5, 3, 40)
    sent = channel(value)
    wrong_where_dropped = torch.where(sent == 0, value + 9, value)
    assert torch.equal(channel.distance(value, sent), torch.zeros(5))
    assert torch.equal(channel.distance(wrong_where_dropped, sent), torch.zeros(5))
    assert (channel.distance(value + 0.1, sent) > 0).all()


def test_the_distance_is_lower_at_the_truth_than_at_another_image(model, train, private):
    protected = Dropout(rate=0.6).protect(model, train)
    clean, other = model.send(private.images[:50]).tensor, model.send(private.images[50:100]).tensor
    sent = protected.send(private.images[:50]).tensor
    truth = protected.ir_channel.distance(clean, sent)
    assert (truth < protected.ir_channel.distance(other, sent)).all()


def test_without_dropout_the_distance_counts_zeros_too(model, train):
    channel = Dropout(rate=0).protect(model, train).ir_channel
    assert channel.distance(torch.ones(1, 4), torch.zeros(1, 4)).item() == 4


@pytest.mark.parametrize(("where", "rate"), [("ir", 0.99), ("input", 0.7)])
def test_tuning_the_server_to_the_zeros_raises_accuracy(where, rate, model, train, private):
    naive = accuracy(Dropout(rate=rate, where=where).protect(model, train), private)
    tuned = accuracy(Dropout(rate=rate, where=where, noise_aware=True, tuning_epochs=1).protect(model, train), private)
    assert tuned > naive + 0.05


def test_merged_wires_hold_every_coordinate_that_arrived_once(model, train, private):
    channel = Dropout(rate=0.5).protect(model, train).ir_channel
    clean = model.send(private.images[:20]).tensor
    merged = channel.merge(torch.stack([channel(clean) for _ in range(6)]))
    assert torch.equal(merged[merged != 0], clean[merged != 0])
    lost = ((merged == 0) & (clean != 0)).sum() / (clean != 0).sum()
    assert lost.item() == pytest.approx(channel.merged(6).rate, abs=0.01)


def test_values_that_a_search_found_merge_nearly_as_those_that_were_sent(model, train, private):
    channel = Dropout(rate=0.5, where="input").protect(model, train).input_channel
    sent = torch.stack([channel(private.images[:20]) for _ in range(6)])
    found = sent + 0.001 * torch.randn_like(sent)
    torch.testing.assert_close(channel.merge(found), channel.merge(sent), atol=0.006, rtol=0)
