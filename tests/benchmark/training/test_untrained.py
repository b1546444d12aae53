"""Copies of a network hold none of its trained weights."""

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Normalize
from mia_bench.benchmark.training import untrained_copy
from mia_bench.benchmark.training.untrained import INITIAL_STD
from torch import nn
from torch.ao.nn.quantized import dynamic
from torch.fx import symbolic_trace
from torchvision.ops.misc import FrozenBatchNorm2d

from .conftest import untrained


def test_a_client_whose_weights_cannot_be_reset_is_not_handed_out() -> None:
    class Stubborn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.arange(3.0))

    with pytest.raises(Inapplicable, match=r"0\.weight .*has no reset_parameters"):
        untrained_copy(nn.Sequential(Stubborn()))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_a_client_with_quantized_layers_is_not_handed_out() -> None:
    with pytest.raises(Inapplicable, match="The weights of Linear, a quantized layer, cannot be drawn anew"):
        untrained_copy(nn.Sequential(nn.Linear(3, 3), dynamic.Linear(3, 2)))


def test_an_untrained_copy_has_the_structure_and_none_of_the_weights() -> None:
    target = untrained().requires_grad_(False)

    fresh = untrained_copy(target)

    for (name, old), (_, new) in zip(target.named_parameters(), fresh.named_parameters(), strict=True):
        assert old.shape == new.shape
        assert not torch.equal(old, new), name
        assert new.requires_grad


def test_an_untrained_copy_keeps_the_normalization_of_images_but_no_frozen_statistics() -> None:
    images = Normalize(torch.tensor([0.4, 0.5, 0.6]), torch.ones(3))
    untrained_copy(nn.Sequential(images, nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    frozen = FrozenBatchNorm2d(4)
    frozen.running_mean.copy_(torch.arange(4))

    with pytest.raises(Inapplicable, match="The buffer running_mean of FrozenBatchNorm2d has no reset"):
        untrained_copy(nn.Sequential(images, nn.Conv2d(3, 4, 3), frozen))


def test_parameters_of_a_traced_network_that_belong_to_no_layer_are_drawn_anew() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.rand(1, 8))

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return values + self.token

    traced = symbolic_trace(Shifted())

    fresh = untrained_copy(nn.Sequential(traced))

    (token,) = fresh.parameters()
    assert not torch.equal(token, traced.token)
    assert token.abs().max() < 6 * INITIAL_STD
