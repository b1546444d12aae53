"""Noise and levels in units of the IR, whatever its magnitude."""

from typing import cast

import pytest
import torch
from mia_bench.benchmark.interfaces import Defense, ImageSet, SplitModel
from mia_bench.benchmark.training import tuning
from mia_bench.defenses._deviation import unit_of
from mia_bench.defenses.cem import Cem
from mia_bench.defenses.dp_ir import DpIr
from mia_bench.defenses.fisher import Fisher
from mia_bench.defenses.quantize import Quantize
from mia_bench.defenses.shredder import Shredder
from mia_bench.defenses.vib import Vib
from torch import nn

DEFENSES = [
    Shredder(tuning_epochs=0),
    Shredder(tuning_epochs=1),
    Cem(tuning_epochs=1),
    Vib(tuning_epochs=1),
    Quantize(bits=3, tuning_epochs=0),
    Fisher(tuning_epochs=1),
]
SMALL = (2.0**-20, 2.0**-40)


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return self.factor * value


def relative_noise(defense: Defense, magnitude: float, model: SplitModel, train: ImageSet) -> float:
    """How far the wire is from the IR, relative to it, if the numbers of the IR are multiplied and divided again."""
    layers = dict(model.server.named_children())
    client = nn.Sequential(*model.client, Times(magnitude))
    scaled = SplitModel(client=client, server=nn.Sequential(Times(1 / magnitude), *layers.values()))
    torch.manual_seed(0)
    protected = defense.protect(scaled, train[:64])
    protected.modules().eval().requires_grad_(False)
    clean = protected.client(train.images[:64])
    return ((protected.ir_channel(clean) - clean).norm() / clean.norm()).item()


@pytest.mark.parametrize("defense", DEFENSES, ids=lambda defense: f"{type(defense).__name__}{defense.params}")
def test_a_defense_changes_small_irs_by_the_same_share(
    defense: Defense, model: SplitModel, train: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "MIN_STEPS_PER_EPOCH", 2)
    usual = relative_noise(defense, 1.0, model, train)

    for magnitude in SMALL:
        assert relative_noise(defense, magnitude, model, train) == pytest.approx(usual, rel=0.1)


def test_the_shape_of_noise_does_not_depend_on_the_magnitude_of_the_ir(model: SplitModel, train: ImageSet) -> None:
    usual, large = (
        relative_noise(DpIr(sigma=magnitude, shape="server"), magnitude, model, train) for magnitude in (1.0, 2.0**30)
    )
    assert large == pytest.approx(usual, rel=0.1)


def test_equal_numbers_have_a_unit() -> None:
    assert unit_of(torch.zeros(4, 3)) == 1e-6
    assert unit_of(torch.full((4, 3), -5.0)) == pytest.approx(5e-6)
    assert unit_of(torch.full((1, 1), 2.0)) == pytest.approx(2e-6)


def test_a_quantizer_of_a_constant_channel_sends_it_as_it_is(model: SplitModel, train: ImageSet) -> None:
    with torch.no_grad():
        conv = cast(nn.Conv2d, model.client.conv1)
        conv.weight[0], conv.bias[0] = 0, 0.5  # type: ignore[index]
    protected = Quantize(bits=2, tuning_epochs=0).protect(model, train)
    sent = protected.send(train.images[:5]).tensor
    torch.testing.assert_close(sent[:, 0], torch.full_like(sent[:, 0], 0.5), atol=1e-5, rtol=0)
