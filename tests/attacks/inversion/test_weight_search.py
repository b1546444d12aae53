"""Weight and number of steps are chosen on the attacker's own images; expensive clients are evaluated less often."""

import pytest
import torch
from mia_bench.attacks import _limits
from mia_bench.attacks._inversion import weight_search
from mia_bench.attacks._inversion.distance import squared_error
from mia_bench.attacks._inversion.rmle import invert
from mia_bench.attacks._inversion.tuning import STOPS
from mia_bench.attacks._inversion.tv_gaussian import TvGaussianPrior
from mia_bench.attacks._inversion.weight_search import WEIGHTS, Pilot, best_setting
from mia_bench.attacks._limits import affordable_iterations
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn


class Stays:
    """A search that is where it will be."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def advance(self, iterations: int) -> Tensor:
        return self.images

    def keep(self, wanted: Tensor) -> None:
        pass


def smooth_images(count: int) -> Tensor:
    return nn.functional.interpolate(torch.rand(count, 1, 4, 4), size=16, mode="bilinear")


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_settings_that_reconstruct_own_images_best_are_chosen(noise: float) -> None:
    torch.manual_seed(0)
    client, images = nn.Conv2d(1, 4, 3, padding=1).requires_grad_(False), smooth_images(24)
    held, prior = images[:8], TvGaussianPrior(images[8:])
    wires = client(held)
    wires = wires + noise * torch.randn_like(wires)

    chosen = best_setting(client, squared_error, [Pilot(prior, wires, held)], iterations=60)

    def reached(weight: float, iterations: int) -> float:
        images = invert(client, squared_error, wires, prior, tv=weight, iterations=iterations)
        return psnr(images, held).mean().item()

    best = max(reached(weight, round(60 * share)) for weight in WEIGHTS for share in STOPS)
    assert chosen.decibels == pytest.approx(reached(chosen.weight, chosen.iterations), abs=0.01)
    assert chosen.decibels == pytest.approx(best, abs=0.02)
    assert chosen.weight in (WEIGHTS[2:] if noise else WEIGHTS[:2])


def test_settings_are_compared_over_all_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_search, "WEIGHTS", (0.1, 1.0))
    images = torch.rand(4, 1, 4, 4)
    worse = iter([[0.01, 0.02], [0.05, 0.02]])  # errors of each weight: the first fold alone prefers the first

    def begun(client: nn.Module, distance: object, wires: Tensor, *args: object, **options: object) -> list[Stays]:
        return [Stays(images[:2].repeat_interleave(2, 0) + torch.tensor(next(worse)).repeat(2).view(-1, 1, 1, 1))]

    monkeypatch.setattr(weight_search, "inversions", begun)
    pilot = Pilot(TvGaussianPrior(images), images[:2], images[:2])

    assert best_setting(nn.Identity(), squared_error, [pilot, pilot], iterations=9).weight == 1.0


def test_an_expensive_client_gets_fewer_steps_to_choose_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_limits, "MAX_SEARCH_MACS", 0)
    monkeypatch.setattr(_limits, "MIN_ITERATIONS", 12)
    images, evaluated = smooth_images(4), []
    client = nn.Conv2d(1, 4, 3, padding=1).requires_grad_(False)

    def counted(value: Tensor, sent: Tensor) -> Tensor:
        if value.requires_grad:
            evaluated.append(len(value))
        return squared_error(value, sent)

    chosen = best_setting(client, counted, [Pilot(TvGaussianPrior(images), client(images), images)], iterations=60)

    assert chosen.iterations <= 12
    assert len(evaluated) <= 1 + 12


def test_an_expensive_client_is_evaluated_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    client, image = nn.Conv2d(1, 4, 3, padding=1), torch.rand(1, 8, 8)
    each = 3 * 4 * 9 * 64
    assert affordable_iterations(client, image, 450) == 450
    monkeypatch.setattr(_limits, "MAX_SEARCH_MACS", 300 * each)
    assert affordable_iterations(client, image, 450) == 300
    monkeypatch.setattr(_limits, "MAX_SEARCH_MACS", each)
    assert affordable_iterations(client, image, 450) == _limits.MIN_ITERATIONS
    assert affordable_iterations(client, image, 10) == 10
