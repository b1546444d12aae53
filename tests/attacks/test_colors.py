"""Contrast and brightness that are fitted to the wire."""

import torch
from mia_bench.attacks._inversion.colors import refit_colors
from torch import Tensor


def misfit_to(wires: Tensor):
    def misfit(images: Tensor, index: Tensor) -> Tensor:
        return (images - wires[index]).square().flatten(1).mean(1)

    return misfit


def test_images_that_lost_contrast_and_brightness_have_them_again() -> None:
    torch.manual_seed(0)
    images = torch.rand(3, 3, 8, 8)
    faded = 0.45 + 0.7 * (images - 0.5)

    found = refit_colors(misfit_to(images + 0.05 * torch.randn_like(images)), faded)

    assert (found - images).square().mean() < 0.05 * (faded - images).square().mean()


def test_an_image_that_explains_its_wire_is_unchanged() -> None:
    torch.manual_seed(0)
    images = torch.rand(2, 1, 8, 8)

    assert torch.equal(refit_colors(misfit_to(images), images), images)


def test_each_image_is_fitted_to_its_own_wire_and_stays_in_range() -> None:
    torch.manual_seed(0)
    images = torch.rand(2, 3, 6, 5)
    wires = torch.stack([images[0] * 1.5, images[1]])

    both = refit_colors(misfit_to(wires), images)

    assert torch.equal(both[1], images[1])
    torch.testing.assert_close(both[:1], refit_colors(misfit_to(wires[:1]), images[:1]))
    assert both.min() >= 0
    assert both.max() <= 1
