"""Buffers that networks do not save."""

import torch
from mia_bench.models._graph import linearize
from torch import Tensor, nn


class Masked(nn.Module):
    """Use a buffer, a view of it and a weight that is held as a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Flatten()
        self.register_buffer("mask", torch.rand(8, 8), persistent=False)
        self.register_buffer("kernel", torch.rand(2, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        masked = images * self.mask + self.mask.view(1, 1, 8, 8)
        return self.last(nn.functional.conv2d(masked, self.kernel))


def test_stages_save_the_buffers_that_their_network_saves() -> None:
    saved = linearize(Masked(), (3, 8, 8)).state_dict().values()

    assert [tuple(each.shape) for each in saved] == [(2, 3, 1, 1)]
