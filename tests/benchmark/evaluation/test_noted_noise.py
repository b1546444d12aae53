"""Records say where noise is sent with its low bits."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from mia_bench import Channel, ImageSet, SplitModel, drop_low_bits
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from torch import Tensor

from ...helpers.tried_defenses import setting_with


class Dense(Channel):
    """Noise with a density, of which a test says how it is sent."""

    stochastic = True

    def __init__(self, sent: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.sent = sent

    def forward(self, value: Tensor) -> Tensor:
        return self.sent(value + torch.randn_like(value))

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor:
        return -(value - sent).square().flatten(1).sum(1) / 2


@pytest.mark.parametrize("place", ["ir_channel", "input_channel"])
@pytest.mark.parametrize(
    ("sent", "noted"), [(lambda noisy: noisy, True), (lambda noisy: drop_low_bits(noisy, 1.0), False)]
)
def test_noise_with_its_low_bits_is_noted(
    place: str, sent: Callable[[Tensor], Tensor], noted: bool, bench: Artifacts
) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        return replace(model.copy(), **{place: Dense(sent)})

    assert ("low_bits" in bench.protected(setting_with(bench, protect)).notes) == noted


def test_noise_without_a_density_has_no_bound_that_could_be_false(bench: Artifacts) -> None:
    class Vague(Dense):
        def log_density(self, value: Tensor, sent: Tensor) -> None:  # type: ignore[override]
            return None

    chosen = setting_with(bench, lambda model, train: replace(model.copy(), ir_channel=Vague(lambda noisy: noisy)))
    assert "low_bits" not in bench.protected(chosen).notes
