"""The attack that knows the structure only."""

from collections.abc import Callable

import torch
from mia_bench.attacks.unsplit import Unsplit, _calibrated
from torch import Tensor


def alikeness(images: Tensor, truth: Tensor) -> float:
    """Mean over images of the correlation with the truth."""
    pairs = zip(images.flatten(1), truth.flatten(1), strict=True)
    return float(sum(torch.corrcoef(torch.stack(pair))[0, 1] for pair in pairs) / len(images))


def test_it_finds_the_images_without_the_weights(world: Callable) -> None:
    victim = world("conv1")

    images = victim.attacked_by(Unsplit())

    guess = victim.aux.images[: len(images)]
    assert abs(alikeness(images, victim.private.images)) > abs(alikeness(guess, victim.private.images)) + 0.3


def test_calibrated_images_have_the_mean_and_spread_of_others() -> None:
    torch.manual_seed(0)
    images, like = 0.1 * torch.rand(20, 3, 8, 8), 0.3 + 0.2 * torch.rand(30, 3, 8, 8)

    calibrated = _calibrated(images, like)

    torch.testing.assert_close(calibrated.mean((0, 2, 3)), like.mean((0, 2, 3)))
    torch.testing.assert_close(calibrated.std((0, 2, 3)), like.std((0, 2, 3)), atol=1e-3, rtol=0)
