"""Only the largest coordinates."""

import numpy as np
import pytest
import torch
from mia_bench.defenses.topk import Topk


def channel_of(kept, model, train):
    return Topk(kept=kept, tuning_epochs=0).protect(model, train).ir_channel


@pytest.mark.parametrize("kept", [0.05, 0.3, 1.0])
def test_each_image_keeps_its_own_largest_coordinates_exactly(kept, model, train):
    value = torch.randn(20, 4, 10, 5) * torch.logspace(-3, 3, 20).view(-1, 1, 1, 1)
    sent = channel_of(kept, model, train)(value)
    count = round(kept * 200)
    for one, arrived in zip(value.flatten(1).numpy(), sent.flatten(1).numpy(), strict=True):
        largest = set(np.argsort(-np.abs(one))[:count])
        assert set(np.flatnonzero(arrived)) == largest
        assert all(arrived[index] == one[index] for index in largest)


def test_at_least_one_coordinate_is_kept(model, train):
    assert (channel_of(1e-6, model, train)(torch.randn(5, 30)) != 0).sum(1).tolist() == [1] * 5


def test_an_image_is_sent_the_same_whatever_else_is_in_the_batch(model, train, private):
    protected = Topk(kept=0.2, tuning_epochs=0).protect(model, train)
    alone = protected.send(private.images[:1]).tensor
    together = protected.send(torch.cat([private.images[:1], torch.ones(3, 1, 16, 16)])).tensor
    torch.testing.assert_close(alone[0], together[0])


@pytest.mark.parametrize("kept", [0.05, 0.3, 1.0])
def test_the_wire_counts_the_bytes_in_which_it_can_be_packed_and_unpacked(kept, model, train, private):
    protected = Topk(kept=kept, tuning_epochs=0).protect(model, train)
    wire = protected.send(private.images[:1])
    sent = wire.tensor.flatten().numpy()
    chosen = np.zeros(sent.size, bool)
    chosen[np.argsort(-np.abs(sent), kind="stable")[: round(kept * sent.size)]] = True
    places = b"" if chosen.all() else np.packbits(chosen).tobytes()
    packed = places + sent[chosen].tobytes()
    assert wire.nbytes == len(packed)
    kept_places = (
        np.unpackbits(np.frombuffer(places, np.uint8), count=sent.size) == 1 if places else np.full(sent.size, True)
    )
    back = np.zeros_like(sent)
    back[kept_places] = np.frombuffer(packed[len(places) :], np.float32)
    assert (back == sent).all()


def test_a_wire_without_dropped_numbers_is_as_large_as_the_plain_one(model, train, private):
    plain, sent = (each.send(private.images[:1]) for each in (model, Topk(kept=1).protect(model, train)))
    assert sent.nbytes == plain.nbytes


def test_the_distance_knows_that_a_dropped_coordinate_is_small(model, train):
    channel = channel_of(0.5, model, train)
    sent = torch.tensor([[3.0, -2.0, 0.0, 0.0]])
    assert channel.distance(torch.tensor([[3.0, -2.0, 1.9, -2.0]]), sent).item() == 0
    assert channel.distance(torch.tensor([[3.0, -2.0, 2.5, -4.0]]), sent).item() == pytest.approx(0.5**2 + 2**2)
    assert channel.distance(torch.tensor([[2.0, 1.0, 0.0, 0.0]]), sent).item() == pytest.approx(1 + 9)


def test_a_wire_with_fewer_numbers_than_it_could_have_tells_that_the_rest_is_zero(model, train):
    channel = channel_of(0.5, model, train)
    sent = torch.tensor([[3.0, 0.0, 0.0, 0.0]])
    assert channel.distance(torch.tensor([[3.0, 0.5, 0.0, 0.0]]), sent).item() == pytest.approx(0.25)


def test_the_distance_is_zero_at_the_truth_and_positive_for_another_image(model, train, private):
    protected = Topk(kept=0.1, tuning_epochs=0).protect(model, train)
    clean, wire = model.send(private.images).tensor, protected.send(private.images).tensor
    assert protected.ir_channel.distance(clean, wire).max() < 1e-8
    assert (protected.ir_channel.distance(clean.roll(1, 0), wire) > 1e-3).all()


def test_fewer_coordinates_cost_accuracy_and_tell_a_linear_decoder_less(target, train, judged):
    few, many = (judged(Topk(kept=kept).protect(target.split("relu1"), train)) for kept in (0.01, 1.0))
    assert few[0] < many[0]
    assert few[1] < many[1] - 1


def test_tuning_the_server_to_the_zeros_raises_accuracy(model, train, judged):
    naive, tuned = (judged(Topk(kept=0.03, tuning_epochs=epochs).protect(model, train))[0] for epochs in (0, 1))
    assert tuned > naive
