"""An independent Bayes attacker, by brute force, never exceeds what is printed as the bound."""

import math
from collections import OrderedDict

import pytest
import torch
from mia_bench.benchmark.interfaces import SplitModel
from mia_bench.benchmark.metrics.gallery_bound import GalleryBound, gallery_bound
from mia_bench.defenses._dp.noise_channel import NoiseChannel
from torch import Tensor, nn

GALLERY_IMAGES, PIXELS, WIRES = 5, 49, 20_000
SIGMAS = (0.5, 0.8, 1.0, 1.25, 1.6, 2.0, 3.0, 5.0)
SEEDS = range(2)


def bound(gallery: Tensor, noise: str, sigma: float, seed: int) -> GalleryBound:
    model = SplitModel(
        client=nn.Sequential(OrderedDict(flatten=nn.Flatten())),
        server=nn.Sequential(),
        ir_channel=NoiseChannel(noise=noise, sigma=sigma, clip=None),  # type: ignore[arg-type]
    )
    torch.manual_seed(seed)
    found = gallery_bound(model, gallery)
    assert found is not None
    return found


def attack(gallery: Tensor, noise: str, sigma: float) -> tuple[float, float, float]:
    """What the attacker expects: mean PSNR, PSNR of the mean error, share identified.

    It knows the gallery, the client and the noise. From each wire it computes the chances of the images by Bayes's
    rule, and answers with the image or the posterior mean of the highest expected PSNR.
    """
    random = torch.Generator().manual_seed(99)
    flat = gallery.flatten(1).double()  # (K, D)
    sent = flat.repeat(WIRES // len(flat), 1)  # (V, D)
    if noise == "gaussian":
        wires = sent + sigma * torch.randn(sent.shape, generator=random, dtype=torch.float64)
        log_density = -torch.cdist(wires, flat).square() / (2 * sigma**2)
    else:
        uniform = torch.rand(sent.shape, generator=random, dtype=torch.float64) - 0.5
        scale = sigma / math.sqrt(2)
        wires = sent - scale * uniform.sign() * torch.log1p(-2 * uniform.abs())
        log_density = -torch.cdist(wires, flat, p=1) / scale
    chances = log_density.softmax(1)  # (V, K)
    mean = chances @ flat
    of_answers = [score(flat, flat).T[:, None].expand(-1, len(wires), -1), score(mean, flat)[None]]
    expected = (chances * torch.cat(of_answers)).sum(2)  # (K + 1, V)
    error = (chances * torch.cdist(mean, flat).square()).sum(1).mean().item() / flat.shape[1]
    return expected.amax(0).mean().item(), -10 * math.log10(error), chances.amax(1).mean().item()


def score(answers: Tensor, images: Tensor) -> Tensor:
    """PSNR of each answer (A, D) for each image (K, D), (A, K)."""
    error = (answers[:, None] - images).square().mean(2)
    return (-10 * torch.log10(error)).clamp(max=100)


@pytest.mark.parametrize("noise", ["gaussian", "laplacian"])
@pytest.mark.slow
def test_no_channel_lets_the_bayes_attacker_exceed_the_printed_bound(noise: str) -> None:
    gallery = torch.rand(GALLERY_IMAGES, 1, 7, 7, generator=torch.Generator().manual_seed(3))
    estimates_exceeded = 0
    for sigma in SIGMAS:
        reached = attack(gallery, noise, sigma)
        for seed in SEEDS:
            found = bound(gallery, noise, sigma, seed)
            limits = found.psnr_db, found.psnr_of_mean_mse_db, found.identified
            estimates = found.psnr_db_estimate, found.psnr_of_mean_mse_db_estimate, found.identified_estimate
            assert all(one <= limit + 1e-6 for one, limit in zip(reached, limits, strict=True)), (sigma, seed)
            assert found.psnr_db - reached[0] < 6
            estimates_exceeded += any(one > estimate for one, estimate in zip(reached, estimates, strict=True))
    assert estimates_exceeded > 0  # so the attacker is strong enough to tell a limit from an average


def test_equal_images_are_identified_together() -> None:
    gallery = torch.rand(4, 1, 7, 7, generator=torch.Generator().manual_seed(3))
    gallery[3] = gallery[2]

    assert bound(gallery, "gaussian", 0.01, 0).identified_estimate == pytest.approx(1)
    assert bound(gallery, "gaussian", 1e4, 0).identified_estimate == pytest.approx(0.5, abs=0.01)
