"""The closed-form attack against independent solutions."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mia_bench.attacks._decoders import linear
from mia_bench.attacks._decoders.linear import LinearDecoder, fit_linear
from mia_bench.attacks._decoders.wire_layout import WireLayout
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.interfaces import Channel
from mia_bench.benchmark.metrics import psnr
from mia_bench.benchmark.utils.least_squares import Equations
from torch import Tensor, nn


def pairs(count: int, inputs: int, outputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    vectors = torch.randn(count, inputs, dtype=torch.float64)
    return vectors, vectors @ torch.randn(inputs, outputs, dtype=torch.float64) + 0.1 * torch.randn(count, outputs) + 3


def test_without_a_penalty_it_is_least_squares_with_an_intercept() -> None:
    vectors, values = pairs(200, 12, 5)
    design = np.hstack([vectors.numpy(), np.ones((200, 1))])

    solved = Equations.gather(vectors, values).solve(1e-14)

    expected = design @ np.linalg.lstsq(design, values.numpy(), rcond=None)[0]
    np.testing.assert_allclose(solved(vectors).numpy(), expected, atol=1e-8)


@pytest.mark.parametrize("strength", [1e-4, 1e-1, 10.0])
@pytest.mark.parametrize(("count", "inputs"), [(30, 12), (12, 30)])
def test_the_primal_and_the_dual_form_agree(strength: float, count: int, inputs: int) -> None:
    vectors, values = pairs(count, inputs, 5)
    probe = torch.randn(4, inputs, dtype=torch.float64)

    primal, dual = (Equations.gather(vectors, values, dual=dual).solve(strength)(probe) for dual in (False, True))

    torch.testing.assert_close(primal, dual, atol=1e-9, rtol=1e-9)


def test_it_is_the_minimum_of_its_objective() -> None:
    vectors, values = pairs(60, 8, 3)
    strength = 0.3
    solved = Equations.gather(vectors, values).solve(strength)
    centered, offset = vectors - vectors.mean(0), values - values.mean(0)
    penalty = strength * centered.square().sum() / centered.shape[1]

    gradient = centered.T @ (centered @ solved.weight - offset) + penalty * solved.weight

    assert gradient.abs().max() < 1e-8 * penalty


@pytest.mark.parametrize("form", ["dense", "patch"])
def test_both_forms_invert_a_linear_client_well(form: str, world: Callable) -> None:
    victim = world("conv1")

    images = victim.attacked_by(Ridge(form=form))

    assert psnr(images, victim.private.images).mean() > (60 if form == "dense" else 19)


class Added(Channel):
    """Adds a constant to every number."""

    def clean(self, value: Tensor) -> Tensor:
        return value + 10_000

    def forward(self, value: Tensor) -> Tensor:
        return self.clean(value)


def test_a_constant_that_is_added_to_maps_hides_nothing(world: Callable) -> None:
    plain, added = (world("conv1", channel) for channel in (Channel(), Added()))

    levels = [psnr(victim.attacked_by(Ridge(form="patch")), victim.private.images).mean() for victim in (plain, added)]

    assert levels[1] > levels[0] - 0.5


class Impulses(Channel):
    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return torch.where(torch.rand_like(value) < 1e-3, 1000 * torch.randn_like(value), value)


def test_rare_huge_errors_hide_nothing(world: Callable) -> None:
    clean, hit = (world("conv1", channel) for channel in (Channel(), Impulses()))

    levels = [psnr(victim.attacked_by(Ridge(form="patch")), victim.private.images).mean() for victim in (clean, hit)]

    assert levels[1] > levels[0] - 1


def test_the_penalty_is_that_with_the_highest_mean_psnr(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.rand(4, 1, 8, 8) / 2
    similar = torch.full((4, 1, 1, 1), 0.05)  # 26 dB each
    unequal = torch.tensor([0.2, 0.001, 0.001, 0.001]).view(4, 1, 1, 1)  # 14 and 60 dB, and a larger squared error
    errors = dict.fromkeys(linear.STRENGTHS, unequal) | {linear.STRENGTHS[0]: similar}

    def dense(_: object) -> Callable[[float], LinearDecoder]:
        return lambda strength: LinearDecoder(lambda wires: wires + errors[strength], nn.Identity, dense)  # type: ignore[arg-type]

    monkeypatch.setattr(linear, "dense", dense)
    layout = WireLayout.of(images.shape[1:], image=images.shape[1:])
    wires = images.__getitem__
    part = SimpleNamespace(images=images, observed=images, tune=torch.arange(4), wires=wires, layout=layout)

    fitted = fit_linear(SimpleNamespace(parts=[part], whole=part), form="dense")  # pyright: ignore[reportArgumentType]

    torch.testing.assert_close(fitted.final.decode(images), images + unequal)
