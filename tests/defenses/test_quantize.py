"""Few bits per number."""

import numpy as np
import pytest
import torch
from mia_bench.defenses.quantize import CLIPPED_SHARE, RANGE_IMAGES, Quantize


def codes(channel, sent):
    return ((sent - channel.low) / channel.step).round().to(torch.int64)


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_every_number_becomes_the_nearest_level_of_its_channels_range(bits, model, train, private):
    sent = Quantize(bits=bits, tuning_epochs=0).protect(model, train).send(private.images[:50]).tensor.numpy()
    clean = model.send(private.images[:50]).tensor.numpy()
    fixed_on = model.send(train.images[:RANGE_IMAGES]).tensor.numpy()
    for index in range(sent.shape[1]):
        ordered = np.sort(fixed_on[:, index], axis=None)
        cut = int(CLIPPED_SHARE * ordered.size)
        levels = np.linspace(ordered[cut], ordered[-1 - cut], 2**bits)
        nearest = np.abs(clean[:, index, :, :, None] - levels).min(-1)
        np.testing.assert_allclose(np.abs(clean[:, index] - sent[:, index]), nearest, atol=1e-5)
        assert len(np.unique(sent[:, index])) <= 2**bits


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_the_wire_counts_the_bytes_in_which_it_can_be_packed_and_unpacked(bits, model, train, private):
    protected = Quantize(bits=bits, tuning_epochs=0).protect(model, train)
    wire = protected.send(private.images[:1])
    numbers = codes(protected.ir_channel, wire.tensor).flatten().numpy()
    spread = (numbers[:, None] >> np.arange(bits)) & 1
    packed = np.packbits(spread.astype(np.uint8)).tobytes()
    assert wire.nbytes == len(packed)
    back = np.unpackbits(np.frombuffer(packed, np.uint8), count=numbers.size * bits).reshape(-1, bits)
    decoded = torch.from_numpy(back @ (1 << np.arange(bits))).view(wire.tensor.shape)
    channel = protected.ir_channel
    assert torch.equal(channel.low + channel.step * decoded, wire.tensor)


def test_gradients_leave_no_trace_of_the_value_on_the_wire(model, train):
    channel = Quantize(tuning_epochs=0).protect(model, train).ir_channel
    value = torch.randn(20, 8, 12, 12).requires_grad_()
    sent = channel(value)
    assert len(sent[:, 0].unique()) <= 4
    sent.sum().backward()
    inside = (value > channel.low) & (value < channel.low + 3 * channel.step)
    assert torch.equal(value.grad, inside.float())


def test_the_distance_is_that_to_the_cell_and_the_cells_at_the_ends_are_open(model, train):
    channel = Quantize(bits=2, tuning_epochs=0).protect(model, train).ir_channel
    channel.low, channel.step = torch.tensor([[0.0]]), torch.tensor([[1.0]])  # levels 0, 1, 2, 3
    value = torch.tensor([[-9.0], [0.4], [0.7], [1.49], [0.3], [1.75], [9.0], [2.2]])
    sent = torch.tensor([[0.0], [0.0], [0.0], [1.0], [1.0], [1.0], [3.0], [3.0]])
    expected = torch.tensor([0, 0, 0.2, 0, 0.2, 0.25, 0, 0.3]).square()
    torch.testing.assert_close(channel.distance(value, sent), expected)


def test_the_distance_is_zero_at_the_truth_and_positive_for_another_image(model, train, private):
    protected = Quantize(bits=2, tuning_epochs=0).protect(model, train)
    clean, wire = model.send(private.images).tensor, protected.send(private.images).tensor
    assert protected.ir_channel.distance(clean, wire).max() < 1e-8
    assert (protected.ir_channel.distance(clean.roll(1, 0), wire) > 1e-3).all()


def test_fewer_bits_tell_a_linear_decoder_less_and_gain_no_accuracy(model, train, judged):
    few, many = (judged(Quantize(bits=bits).protect(model, train)) for bits in (1, 8))
    assert few[0] < many[0] + 0.02
    assert few[1] < many[1] - 0.2


def test_with_sixteen_bits_next_to_nothing_is_lost_or_hidden(model, train, private, judged):
    fine = Quantize(bits=16, tuning_epochs=0).protect(model, train)
    assert (fine.classify(private.images).argmax(1) == model.classify(private.images).argmax(1)).float().mean() > 0.98
    assert judged(fine)[1] > judged(model)[1] - 0.3


def test_tuning_the_server_to_one_bit_raises_accuracy(target, train, judged):
    model = target.split("relu2")
    naive, tuned = (judged(Quantize(bits=1, tuning_epochs=epochs).protect(model, train))[0] for epochs in (0, 1))
    assert tuned > naive


def test_a_channel_that_never_varies_is_sent_as_it_is(model, train, private):
    with torch.no_grad():
        model.client.conv1.weight[0] = 0
        model.client.conv1.bias[0] = 0.25
    sent = Quantize(tuning_epochs=0).protect(model, train).send(private.images).tensor
    assert torch.allclose(sent[:, 0], torch.tensor(0.25), atol=1e-5)
