"""JPEG of the IR."""

import io

import pytest
import torch
from mia_bench.benchmark.interfaces import ImageSet
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.benchmark.utils.ir_layout import IrLayout
from mia_bench.defenses._mosaic import Mosaic, blocks
from mia_bench.defenses.codec import RANGE_BYTES, Codec
from PIL import Image


@pytest.mark.parametrize("shape", [(5, 6, 6), (8, 12, 12), (23,), (1, 3, 3), (17, 12)])
def test_a_mosaic_holds_every_number_once(shape):
    mosaic, values = Mosaic(IrLayout.of(shape, image=(3, 16, 16))), torch.randn(3, *shape)
    gray = mosaic.lay(values)
    assert torch.equal(mosaic.take(gray), values) or torch.allclose(mosaic.take(gray), values)
    if len(shape) == 3:
        assert torch.equal(gray[:, : shape[1], : shape[2]], values[:, 0])


def test_blocks_repeat_the_last_row_and_column():
    gray = torch.arange(90.0).view(1, 9, 10)
    found = blocks(gray)
    assert found.shape == (1, 4, 8, 8)
    assert torch.equal(found[0, 0], gray[0, :8, :8])
    assert torch.equal(found[0, 3], torch.tensor([[88.0, *[89.0] * 7]]).expand(8, 8))


def test_the_wire_is_a_jpeg_that_anyone_can_open(model, train, private):
    protected = Codec(tuning_epochs=0).protect(model, train)
    wire = protected.send(private.images[:4])
    sizes = [len(message) for message in wire.payload]
    with Image.open(io.BytesIO(wire.payload[0][RANGE_BYTES:])) as image:
        assert image.format == "JPEG"
        assert image.size == (36, 36)
    assert wire.nbytes == sum(sizes)
    assert measure_costs(protected, private.images[:1]).wire_bytes == sizes[0]
    assert wire.tensor.shape == model.send(private.images[:4]).tensor.shape


def test_a_higher_quality_takes_more_bytes_and_is_nearer_to_the_ir(model, train, private):
    images, found = private.images[:8], []
    clean = model.send(images).tensor
    for quality in (1, 20, 95):
        wire = Codec(quality=quality, tuning_epochs=0).protect(model, train).send(images)
        found.append((wire.nbytes, (wire.tensor - clean).square().mean().item()))
    (small, far), (middle, near), (large, nearest) = found
    assert small < middle < large
    assert far > 2 * near > 4 * nearest


def test_the_true_ir_fits_what_was_sent_though_it_differs_from_it(model, train, private):
    protected = Codec(quality=20, tuning_epochs=0).protect(model, train)
    clean, sent = (each.send(private.images[:30]).tensor for each in (model, protected))
    channel = protected.ir_channel
    fit, misfit = channel.distance(clean, sent), channel.distance(clean.roll(1, 0), sent)
    assert (fit < 0.05 * (clean - sent).square().flatten(1).sum(1)).all()
    assert (misfit > 20 * fit).all()


@pytest.mark.slow
def test_tuning_makes_up_for_what_is_lost(model, train, private):
    def loss(epochs):
        protected = Codec(quality=1, tuning_epochs=epochs).protect(model, train[:256])
        images = ImageSet(private.images[:100], private.labels[:100])
        return images.loss(protected.classify(images.images), torch.arange(100)).item()

    assert loss(1) < loss(0)
