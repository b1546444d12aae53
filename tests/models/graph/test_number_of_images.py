"""A network that takes one number of images only is refused with the number and the way out."""

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.models._graph import linearize
from torch import Tensor, nn


class ForTwo(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)).view(2, 3)


def test_a_network_for_exactly_two_images_is_refused_in_a_sentence() -> None:
    with pytest.raises(
        UsageError, match=r"any number of images, got one that does not take 3: .*invalid for"
    ) as caught:
        linearize(ForTwo(), (3, 8, 8))
    assert "Original traceback" not in str(caught.value)
    assert torch.is_grad_enabled()
