"""Removal of the high frequencies of the image."""

import numpy as np
import pytest
import torch
from mia_bench.benchmark.utils.cosines import cosines
from mia_bench.defenses.lowpass import Lowpass
from scipy.fft import dctn, idctn


@pytest.mark.parametrize(("kept", "count"), [(1.0, 16), (0.25, 4), (0.01, 1)])
def test_the_low_frequencies_of_scipy_are_kept_and_no_others(model, train, private, kept, count):
    channel = Lowpass(kept=kept, tuning_epochs=0).protect(model, train).input_channel
    images = private.images[:3]
    expected = dctn(images.numpy(), axes=(2, 3), norm="ortho")
    expected[:, :, count:] = expected[..., count:] = 0
    np.testing.assert_allclose(channel(images).numpy(), idctn(expected, axes=(2, 3), norm="ortho"), atol=1e-5)


def test_images_that_differ_in_high_frequencies_only_cannot_be_told_apart(model, train, private):
    protected = Lowpass(kept=0.25, tuning_epochs=0).protect(model, train)
    other = private.images[:2] + 0.1 * cosines(16, like=private.images)[9]
    torch.testing.assert_close(protected.send(other).tensor, protected.send(private.images[:2]).tensor)
    sent = protected.input_channel(private.images[:2])
    assert protected.input_channel.distance(other, sent).max() < 1e-8


def test_fewer_frequencies_reveal_less_and_tuning_keeps_the_network_useful(model, train, judged):
    kept, lost = (judged(Lowpass(kept=share).protect(model, train)) for share in (0.75, 0.125))
    assert lost[1] < kept[1] - 0.3
    assert kept[0] > judged(model)[0] - 0.05
