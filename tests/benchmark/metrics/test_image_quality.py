"""Metrics against closed forms, scikit-image, and the traps of this field."""

import math

import pytest
import torch
from mia_bench.benchmark.metrics import psnr, ssim
from mia_bench.benchmark.metrics.image_quality import accuracy
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


@pytest.mark.parametrize(("error", "decibels"), [(1.0, 0.0), (0.1, 20.0), (0.01, 40.0), (0.0, 100.0)])
def test_psnr_of_a_constant_error(error: float, decibels: float) -> None:
    black = torch.zeros(2, 3, 8, 8)

    torch.testing.assert_close(psnr(black + error, black), torch.full((2,), decibels), atol=1e-4, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_both_metrics_agree_with_scikit_image(channels: int) -> None:
    original = torch.rand(4, channels, 16, 12)
    rebuilt = (original + 0.1 * torch.randn_like(original)).clamp(0, 1)

    for index, (a, b) in enumerate(zip(rebuilt.numpy(), original.numpy(), strict=True)):
        expected = structural_similarity(a, b, data_range=1.0, channel_axis=0)
        assert psnr(rebuilt, original)[index] == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1.0), abs=1e-4)
        assert ssim(rebuilt, original)[index] == pytest.approx(expected, abs=1e-6)


def test_psnr_is_taken_per_image_and_not_of_the_pooled_error() -> None:
    original = torch.zeros(2, 1, 8, 8)
    rebuilt = torch.stack([torch.full((1, 8, 8), math.sqrt(0.001)), torch.full((1, 8, 8), math.sqrt(0.1))])

    assert psnr(rebuilt, original).mean() == pytest.approx(20.0, abs=1e-3)  # pooled it would be 13.0


def test_values_outside_the_range_are_clamped_before_they_are_compared() -> None:
    white = torch.ones(1, 1, 8, 8)

    assert psnr(white * 7, white).item() == 100
    assert ssim(white * 7, white).item() == pytest.approx(1)


def test_ssim_uses_range_one_and_not_that_of_8_bit_images() -> None:
    original = torch.rand(1, 1, 28, 28)
    flat = original.mean().expand_as(original)

    assert ssim(flat, original).item() < 0.05  # with data_range=255 it would be 0.99


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_different_shapes_are_refused_with_both_shapes(metric: type) -> None:
    with pytest.raises(ValueError, match=r"\(2, 1, 8, 8\) and original \(1, 1, 8, 8\)"):
        metric(torch.zeros(2, 1, 8, 8), torch.zeros(1, 1, 8, 8))


def test_logits_of_minus_infinity_may_be_right_and_those_of_plus_infinity_and_nan_are_wrong() -> None:
    logits = torch.tensor([[1.0, -torch.inf], [1.0, torch.inf], [1.0, torch.nan]])

    assert accuracy(logits[:1], torch.tensor([0])) == 1
    assert accuracy(logits[1:], torch.tensor([1, 1])) == 0
