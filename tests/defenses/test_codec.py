"""JPEG of the IR."""

import io

import numpy as np
import pytest
import torch
from mia_bench.benchmark.interfaces import ImageSet
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.benchmark.utils.ir_layout import IrLayout
from mia_bench.defenses._jpeg import read_jpeg, steps_of, write_jpeg
from mia_bench.defenses._mosaic import Mosaic, blocks
from mia_bench.defenses.codec import RANGE_BYTES, Codec, Coder, _JpegChannel
from PIL import Image
from scipy.fft import dctn
from torch.nn import functional


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


def gray(rows: int, columns: int) -> torch.Tensor:
    """An image whose shades are cut in many places."""
    smooth = functional.interpolate(torch.rand(1, 1, 4, 4), (rows, columns), mode="bicubic")[0, 0]
    return (400 * smooth - 70 + 20 * torch.randn(rows, columns)).clamp(0, 255).round().to(torch.uint8)


@pytest.mark.parametrize("quality", [1, 10, 50, 90, 95, 100])
@pytest.mark.parametrize(("rows", "columns"), [(32, 32), (36, 20), (5, 3)])
def test_shades_are_those_of_any_decoder_before_it_cuts_them(quality, rows, columns):
    file = write_jpeg(gray(rows, columns), quality)
    with Image.open(io.BytesIO(file)) as image:
        standard = torch.from_numpy(np.array(image, dtype=np.float32))

    shades = read_jpeg(file)

    rounding = 0.6 if quality < 90 else 3  # small steps are not read exactly
    torch.testing.assert_close(shades.clamp(0, 255), standard, atol=rounding, rtol=0)


@pytest.mark.parametrize("quality", [1, 10, 50])
def test_coefficients_are_those_that_were_sent(quality):
    """Scipy transforms the image that was written."""
    image = gray(24, 16)
    steps = steps_of(file := write_jpeg(image, quality)).numpy()
    whole = image.numpy().astype(np.float64).reshape(3, 8, 2, 8).transpose(0, 2, 1, 3) - 128
    sent = np.round(dctn(whole, axes=(2, 3), norm="ortho") / steps)

    read = read_jpeg(file).double().numpy().reshape(3, 8, 2, 8).transpose(0, 2, 1, 3) - 128

    coefficients = dctn(read, axes=(2, 3), norm="ortho") / steps
    np.testing.assert_allclose(coefficients, np.round(coefficients), atol=1e-3)
    differ = np.abs(np.round(coefficients) - sent)
    assert differ.max() <= 1  # encoders round halves by integer arithmetic
    assert (differ > 0).mean() < 0.01


@pytest.mark.parametrize("quality", [1, 10, 20, 50, 90, 97])
def test_the_true_ir_fits_what_was_sent_though_it_differs_from_it(quality, model, private):
    clean = model.send(private.images[:30]).tensor[:, :4, :8, :8]
    layout = IrLayout.of((4, 8, 8), image=(1, 16, 16))  # without the blocks at the edge, which are padded
    channel = _JpegChannel(Coder(Mosaic(layout), quality, torch.device("cpu")))
    whole = channel(clean)
    fit, misfit = channel.distance(clean, whole), channel.distance(clean.roll(1, 0), whole)
    assert (fit < 1e-4 * clean.square().flatten(1).sum(1)).all()
    assert (misfit > 20 * fit).all()


@pytest.mark.slow
def test_tuning_makes_up_for_what_is_lost(model, train, private):
    def loss(epochs):
        protected = Codec(quality=1, tuning_epochs=epochs).protect(model, train[:256])
        images = ImageSet(private.images[:100], private.labels[:100])
        return images.loss(protected.classify(images.images), torch.arange(100)).item()

    assert loss(1) < loss(0)
