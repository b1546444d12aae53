"""The ceiling of expected PSNR: valid against every answer that a search finds, tight where it can be known."""

import pytest
import torch
from mia_bench.benchmark.metrics.psnr_ceiling import max_expected_psnr
from torch import Tensor


def expected(chances: Tensor, images: Tensor, answers: Tensor) -> Tensor:
    """The expected PSNR of one answer for each belief."""
    error = (answers[:, None] - images[None]).flatten(2).square().mean(2)
    return (chances * (-10 * torch.log10(error)).clamp(max=100)).sum(1)


def search(chances: Tensor, images: Tensor) -> Tensor:
    """The best of many answers: the mean, every image, the ways between them, and local improvements of each."""
    mean = (chances @ images.flatten(1)).unflatten(1, images.shape[1:])
    starts = [mean, *(share * image + (1 - share) * mean for image in images for share in (0.3, 0.7, 0.9, 1.0))]
    best = torch.zeros(len(chances), dtype=torch.float64)
    for answers in starts:
        for _ in range(20):
            best = torch.maximum(best, expected(chances, images, answers))
            error = (answers[:, None] - images[None]).flatten(2).square().mean(2).clamp(min=1e-10)
            weights = chances / error
            answers = ((weights / weights.sum(1, keepdim=True)) @ images.flatten(1)).view_as(answers)
    return best


def gallery(count: int, size: int = 6) -> Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(count), dtype=torch.float64)


@pytest.mark.parametrize("sharpness", [0.0, 0.3, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("count", [2, 3, 12])
def test_no_search_finds_an_answer_above_the_ceiling(count: int, sharpness: float) -> None:
    images = gallery(count)
    images[-1] = 0.9 * images[0] + 0.1 * images[-1]  # two that are close
    noise = torch.randn(20, count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    chances = (sharpness * noise).softmax(1)

    ceilings, found = max_expected_psnr(chances, images), search(chances, images)

    assert (ceilings >= found - 1e-9).all()
    assert (ceilings - found).max() < 2.5


def test_of_two_images_the_likelier_one_is_named_outright() -> None:
    images = gallery(2)
    likelier = torch.linspace(0.5, 0.999, 9, dtype=torch.float64)
    between = -10 * torch.log10((images[0] - images[1]).square().mean())

    ceilings = max_expected_psnr(torch.stack([likelier, 1 - likelier], 1), images)

    assert torch.allclose(ceilings, 100 * likelier + between * (1 - likelier), atol=0.02)


def test_certainty_is_worth_the_cap_and_twins_are_one_image() -> None:
    images = gallery(3)
    images[1] = images[0]

    ceilings = max_expected_psnr(torch.tensor([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]), images)

    assert ceilings.tolist() == pytest.approx([100, 100])
