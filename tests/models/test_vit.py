"""The small vision transformer: tokens cross at its blocks."""

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.models.vit import Vit


@torch.no_grad()
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 20)])
def test_a_token_for_each_patch_and_one_for_the_class_cross_behind_each_block(shape: tuple[int, int, int]) -> None:
    network = Vit(width=16, heads=2, depth=2).build(shape, 5).eval()
    value = torch.rand(3, *shape)
    shapes = {name: tuple((value := layer(value)).shape) for name, layer in network.named_children()}

    tokens = (3, 1 + shape[1] // 4 * (shape[2] // 4), 16)
    assert [name for name, each in shapes.items() if each == tokens] == ["tokens", "block1", "block2", "norm"]
    assert shapes["class_token"] == (3, 16)
    assert shapes["fc"] == (3, 5)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"patch": 5}, "multiples of 5 pixels, the patch, got 32x32"),
        ({"width": 30, "heads": 4}, "multiple of the 4 heads, got 30"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(params: dict[str, int], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Vit(**params).build((3, 32, 32), 10)
