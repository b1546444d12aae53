"""Trained weights, as they are kept in the cache."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mia_bench.benchmark.evaluation.weights import load_or_train
from mia_bench.benchmark.utils.cache import cached_tensors
from torch import Tensor, nn


def kept(kind: str, identity: Any, compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    return cached_tensors(kind, identity, compute)


@pytest.mark.usefixtures("cache")
def test_a_weight_of_two_layers_is_kept_and_stays_the_weight_of_both() -> None:
    def tied() -> nn.Sequential:
        network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        network[1].weight = network[0].weight
        return network

    trained, loaded = tied(), tied()
    load_or_train(trained, "weights", "tied", train=lambda: None, cached=kept)
    load_or_train(loaded, "weights", "tied", train=lambda: pytest.fail("trained again"), cached=kept)
    assert loaded[0].weight is loaded[1].weight
    assert torch.equal(loaded[0].weight, trained[0].weight)
