"""Operations by the type of layer."""

import pytest
import torch
from mia_bench.benchmark.metrics.layer_types import LAYER_TYPES
from mia_bench.benchmark.metrics.macs import count_macs, count_macs_by_type
from torch import Tensor, nn

MAPS, TOKENS = torch.zeros(1, 8, 6, 6), torch.zeros(1, 5, 8)


@pytest.mark.parametrize(
    ("layer", "value", "found"),
    [
        (nn.Conv2d(8, 4, 3), MAPS, "convolution"),
        (nn.Conv2d(8, 4, 3, groups=2), MAPS, "convolution"),
        (nn.Conv2d(8, 4, 1), MAPS, "pointwise_convolution"),
        (nn.Conv2d(8, 8, 3, groups=8), MAPS, "depthwise_convolution"),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(), TOKENS, "attention"),
        (nn.Linear(8, 4), TOKENS, "attention"),
        (nn.Sequential(nn.Flatten(), nn.Linear(40, 4)), TOKENS, "linear"),
        (nn.Bilinear(8, 8, 4), None, "other"),
    ],
)
def test_each_layer_has_its_type(layer: nn.Module, value: Tensor | None, found: str) -> None:
    call = layer if value is not None else lambda given: layer(given, given)
    value = torch.zeros(3, 8) if value is None else value

    assert count_macs_by_type(call, value) == {found: count_macs(call, value)}
    assert found in (*LAYER_TYPES, "other")
