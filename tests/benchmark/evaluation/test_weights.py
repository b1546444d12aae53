"""Trained weights, as they are kept in the cache."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mia_bench.benchmark.errors import Diverged
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
    load_or_train(trained, "weights", "tied", train=lambda: None, cached=kept, what="a network", remedy="Wait.")
    load_or_train(
        loaded,
        "weights",
        "tied",
        train=lambda: pytest.fail("trained again"),
        cached=kept,
        what="a network",
        remedy="Wait.",
    )
    assert loaded[0].weight is loaded[1].weight
    assert torch.equal(loaded[0].weight, trained[0].weight)


@pytest.mark.usefixtures("cache")
def test_a_file_with_two_weights_in_place_of_one_is_not_used() -> None:
    def tied() -> nn.Sequential:
        network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        network[1].weight = network[0].weight
        return network

    cached_tensors(
        "weights", "tied", lambda: {name: torch.rand_like(each) for name, each in tied().state_dict().items()}
    )
    trainings: list[int] = []
    for run in range(2):
        load_or_train(
            tied(),
            "weights",
            "tied",
            train=lambda run=run: trainings.append(run),
            cached=kept,
            what="a network",
            remedy="Wait.",
        )

    assert trainings == [0]


def test_two_parameters_in_one_memory_are_loaded_as_they_were_trained() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    network[1].weight = nn.Parameter(network[0].weight.data)
    apart = {name: torch.rand_like(each) for name, each in network.state_dict().items()}

    load_or_train(
        network, "weights", "apart", train=lambda: None, cached=lambda *_: apart, what="a network", remedy="Wait."
    )

    assert all(torch.equal(each, apart[name]) for name, each in network.state_dict().items())


@pytest.mark.parametrize("cached", [kept, lambda kind, identity, compute: compute()], ids=["on disk", "of Ray"])
def test_a_training_that_diverged_names_what_was_trained_and_what_to_do(
    cached: Callable[..., dict[str, Tensor]], cache: Path
) -> None:
    network = nn.Linear(3, 1)

    with pytest.raises(Diverged, match=r"NaN or infinity in bias: the training of the evaluator diverged\. Look\.$"):
        load_or_train(
            network,
            "evaluators",
            "nan",
            train=lambda: nn.init.constant_(network.bias, torch.nan),
            cached=cached,
            what="the evaluator",
            remedy="Look.",
        )

    assert not list(cache.rglob("*.safetensors"))


@pytest.mark.usefixtures("cache")
def test_buffers_that_are_not_saved_are_not_read_from_older_files() -> None:
    network = nn.Linear(2, 1)
    network.register_buffer("mask", torch.ones(3), persistent=False)
    older = {**network.state_dict(), "mask": torch.zeros(3)}

    load_or_train(
        network, "weights", "masked", train=lambda: None, cached=lambda *_: older, what="a network", remedy="Wait."
    )

    assert torch.equal(network.get_buffer("mask"), torch.ones(3))
