"""Noise calibrated to the error of an unbiased attacker."""

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import ImageSet, SplitModel
from mia_bench.defenses.fisher import Fisher, squared_jacobian
from torch import nn


def test_the_squared_jacobian_is_that_of_the_definition():
    client = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.Tanh())
    image = torch.rand(1, 1, 4, 4)
    exact = torch.autograd.functional.jacobian(client, image).square().sum().item()
    estimate = torch.cat([squared_jacobian(client, image.expand(500, -1, -1, -1))[0] for _ in range(8)])
    assert estimate.mean().item() == pytest.approx(exact, rel=0.1)


def test_an_unbiased_attacker_on_a_linear_client_gets_the_chosen_psnr():
    client = nn.Sequential(nn.Flatten(), nn.Linear(16, 16, bias=False))
    nn.init.orthogonal_(client[1].weight)
    server, images = nn.Sequential(nn.Linear(16, 2)), torch.rand(400, 1, 4, 4)
    model, train = SplitModel(client=client, server=server), ImageSet(images, torch.arange(400) % 2)
    protected = Fisher(unbiased_psnr_db=12, jacobian_weight=0).protect(model, train)
    weight = protected.client[1].weight.detach()
    guess = torch.linalg.solve(weight, protected.send(images).tensor.T).T.view_as(images)
    assert -10 * (guess - images).square().mean().log10().item() == pytest.approx(12, abs=0.7)


@pytest.mark.slow
def test_a_lower_psnr_needs_more_noise_and_the_penalty_less(model, train):
    def sigma(**params):
        torch.manual_seed(0)
        return Fisher(**params).protect(model, train[:128]).ir_channel.sigma

    strong, weak = sigma(unbiased_psnr_db=5), sigma(unbiased_psnr_db=25)
    assert strong > 5 * weak
    assert sigma(unbiased_psnr_db=5, jacobian_weight=3) < 0.95 * sigma(unbiased_psnr_db=5, jacobian_weight=0)


def test_a_client_without_derivatives_is_refused():
    class Rounding(nn.Module):
        def forward(self, images):
            return images.flatten(1).long().float()

    model = SplitModel(client=nn.Sequential(Rounding()), server=nn.Sequential(nn.Linear(16, 2)))
    with pytest.raises(Inapplicable, match="Expected a client whose IR has derivatives by the image"):
        Fisher().protect(model, ImageSet(torch.rand(8, 1, 4, 4), torch.arange(8) % 2))
