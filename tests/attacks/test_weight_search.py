"""The weight of the prior is chosen on the attacker's own images, and expensive clients are evaluated less often."""

import pytest
import torch
from mia_bench.attacks import _limits
from mia_bench.attacks._inversion import weight_search
from mia_bench.attacks._inversion.distance import squared_error
from mia_bench.attacks._inversion.rmle import invert
from mia_bench.attacks._inversion.tv_gaussian import TvGaussianPrior
from mia_bench.attacks._inversion.weight_search import WEIGHTS, Pilot, best_weight
from mia_bench.attacks._limits import affordable_iterations
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn


def smooth_images(count: int) -> Tensor:
    return nn.functional.interpolate(torch.rand(count, 1, 4, 4), size=16, mode="bilinear")


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_weight_that_reconstructs_own_images_best_is_chosen(noise: float) -> None:
    torch.manual_seed(0)
    client, images = nn.Conv2d(1, 4, 3, padding=1).requires_grad_(False), smooth_images(24)
    held, prior = images[:8], TvGaussianPrior(images[8:])
    wires = client(held)
    wires = wires + noise * torch.randn_like(wires)

    chosen = best_weight(client, squared_error, [Pilot(prior, wires, held)], iterations=60)

    reached = [
        psnr(invert(client, squared_error, wires, prior, tv=weight, iterations=60), held).mean() for weight in WEIGHTS
    ]
    assert chosen == WEIGHTS[int(torch.stack(reached).argmax())]
    assert chosen in (WEIGHTS[2:] if noise else WEIGHTS[:2])


def test_weights_are_compared_over_all_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_search, "WEIGHTS", (0.1, 1.0))
    images = torch.rand(4, 1, 4, 4)
    worse = iter([[0.01, 0.02], [0.05, 0.02]])  # errors of each weight: the first fold alone prefers the first

    def inverted(client: nn.Module, distance: object, wires: Tensor, *args: object, **kwargs: object) -> Tensor:
        return images[:2].repeat(2, 1, 1, 1) + torch.tensor(next(worse)).repeat_interleave(2).view(-1, 1, 1, 1)

    monkeypatch.setattr(weight_search, "invert", inverted)
    pilot = Pilot(TvGaussianPrior(images), images[:2], images[:2])

    assert best_weight(nn.Identity(), squared_error, [pilot, pilot], iterations=9) == 1.0


def test_an_expensive_client_is_evaluated_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    client, image = nn.Conv2d(1, 4, 3, padding=1), torch.rand(1, 8, 8)
    each = 3 * 4 * 9 * 64
    assert affordable_iterations(client, image, 450) == 450
    monkeypatch.setattr(_limits, "MAX_SEARCH_MACS", 300 * each)
    assert affordable_iterations(client, image, 450) == 300
    monkeypatch.setattr(_limits, "MAX_SEARCH_MACS", each)
    assert affordable_iterations(client, image, 450) == _limits.MIN_ITERATIONS
    assert affordable_iterations(client, image, 10) == 10
