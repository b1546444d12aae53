"""The published inverse network."""

import pytest
import torch
from mia_bench.attacks._decoders.inverse_network import InverseNetwork, WhitenedConv
from torch import nn
from torch.nn import functional


@pytest.mark.parametrize(
    ("wire", "image"),
    [
        ((8, 24, 24), (1, 28, 28)),
        ((16, 8, 8), (1, 28, 28)),
        ((16, 4, 4), (1, 28, 28)),
        ((128, 16, 16), (3, 32, 32)),
        ((8, 5, 7), (3, 31, 45)),
        ((120,), (1, 28, 28)),
    ],
)
def test_it_makes_images_of_any_ir(wire: tuple[int, ...], image: tuple[int, int, int]) -> None:
    sample, images = torch.randn(20, *wire), torch.rand(20, *image)
    assert InverseNetwork(sample, images, 6)(sample).shape == images.shape


def test_on_relu2_of_lenet5_it_is_the_paper_s_network() -> None:
    torch.manual_seed(0)
    sample, images = torch.randn(20, 16, 8, 8), torch.rand(20, 1, 28, 28)
    network = InverseNetwork(sample, images, 8)
    first, second = network.layers
    assert isinstance(first, nn.Conv2d)
    assert isinstance(second, nn.ConvTranspose2d)
    theirs = nn.Sequential(
        nn.ConvTranspose2d(16, 8, 5), nn.ReLU(), nn.ConvTranspose2d(8, 1, 5, stride=2, output_padding=1)
    )
    weights = [first.weight.transpose(0, 1).flip(2, 3), first.bias, second.weight, second.bias]
    with torch.no_grad():
        for parameter, weight in zip(theirs.parameters(), weights, strict=True):
            assert weight is not None
            parameter.copy_(weight)

    torch.testing.assert_close(network(sample), theirs(network.standardize(sample)), atol=1e-5, rtol=1e-4)


def test_a_whitened_convolution_is_a_convolution() -> None:
    torch.manual_seed(0)
    sample = torch.randn(10, 3, 6, 6)
    layer = WhitenedConv(sample, 2)
    rows = functional.unfold(sample, 5, padding=4).movedim(1, 0).flatten(1)
    white = layer.matrix @ (rows - layer.mean[:, None])

    expected = layer.weight @ white + layer.bias[:, None]

    torch.testing.assert_close(torch.cov(white), torch.eye(75), atol=1e-3, rtol=0)
    torch.testing.assert_close(layer(sample).movedim(1, 0).flatten(1), expected, atol=1e-4, rtol=1e-4)


def test_a_constant_that_is_added_to_maps_does_not_change_how_they_are_whitened() -> None:
    sample = torch.rand(20, 4, 16, 16, generator=torch.Generator().manual_seed(0))

    plain, shifted = (WhitenedConv(sample + added, 6).get_buffer("matrix") for added in (0, 1000))

    torch.testing.assert_close(shifted, plain, rtol=0.01, atol=0.01)
