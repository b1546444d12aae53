"""Perceptual measures against their reference implementations."""

import warnings

import pytest
import torch
from mia_bench.benchmark.metrics.feature_distance import feature_distance
from mia_bench.benchmark.metrics.lpips import Lpips
from mia_bench.benchmark.metrics.ms_ssim import SMALLEST, ms_ssim
from torch import Tensor, nn
from torchvision.models import alexnet

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scripted functions and old arguments of torchvision
    import lpips as reference_lpips
    import pytorch_msssim


def pairs(size: int, channels: int = 3, noise: float = 0.2) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    original = torch.rand(3, channels, 6, 6)
    original = nn.functional.interpolate(original, (size, size + 9), mode="bicubic").clamp(0, 1)
    return (original + noise * torch.randn_like(original)).clamp(0, 1), original


@pytest.mark.parametrize("size", [SMALLEST, 180])
@pytest.mark.parametrize("channels", [1, 3])
def test_ms_ssim_agrees_with_its_reference(size: int, channels: int) -> None:
    rebuilt, original = pairs(size, channels)

    expected = pytorch_msssim.ms_ssim(rebuilt, original, data_range=1.0, size_average=False)
    torch.testing.assert_close(ms_ssim(rebuilt, original), expected, atol=2e-4, rtol=0)


def test_ms_ssim_of_smaller_images_is_refused_as_by_its_reference() -> None:
    rebuilt, original = pairs(SMALLEST - 1)

    with pytest.raises(AssertionError):
        pytorch_msssim.ms_ssim(rebuilt, original, data_range=1.0)
    with pytest.raises(ValueError, match=r"at least 161 pixels a side, got \(160, 169\)"):
        ms_ssim(rebuilt, original)


@pytest.mark.parametrize("size", [31, 64])
def test_lpips_agrees_with_its_reference_for_one_backbone(size: int) -> None:
    torch.manual_seed(1)
    with torch.device("meta"):
        backbone = alexnet().features.to_empty(device="cpu")
    for weights in backbone.parameters():
        nn.init.normal_(weights, std=0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = reference_lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    for part in (getattr(expected.net, f"slice{index}") for index in range(1, 6)):
        for name, layer in part.named_children():
            layer.load_state_dict(backbone[int(name)].state_dict())
    heads = [each.model[1].weight for each in expected.lins]
    rebuilt, original = pairs(size)

    with torch.no_grad():
        wanted = expected(rebuilt, original, normalize=True).flatten()
    found = Lpips(backbone, heads)(rebuilt, original)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-4)
    assert wanted.min() > 0


def test_feature_distance_is_one_minus_the_cosine_of_the_features() -> None:
    torch.manual_seed(2)
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten())
    rebuilt, original = pairs(12)
    resized = [
        nn.functional.interpolate(each, (10, 10), mode="bilinear", antialias=True) for each in (rebuilt, original)
    ]
    a, b = (network(each).double() for each in resized)

    found = feature_distance(rebuilt, original, features=network, size=10)
    expected = 1 - (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=0)
    assert feature_distance(original, original, features=network, size=10).max() < 1e-6
