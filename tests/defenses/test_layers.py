"""The layers of a split model, by the names that ``--split`` takes."""

from collections import OrderedDict

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable, UsageError
from mia_bench.benchmark.interfaces import Defense, ImageSet, Normalize, SplitModel, Target
from mia_bench.defenses.deeper_client import DeeperClient
from mia_bench.defenses.tee import Tee
from mia_bench.models._graph import linearize
from torch import nn


def pair() -> nn.Module:
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 1, 1), relu=nn.ReLU()))


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(1, 1, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps + self.inner(maps)


@pytest.fixture
def nested() -> SplitModel:
    """A network of blocks with several layers, cut behind the first block."""
    network = nn.Sequential(
        OrderedDict(first=pair(), second=pair(), skip=Skip(), flat=nn.Flatten(), fc=nn.Linear(64, 3))
    )
    layers = linearize(network, (1, 8, 8))
    return Target(Normalize(torch.zeros(1), torch.ones(1)), layers).eval().split("first")


@pytest.fixture
def images() -> ImageSet:
    return ImageSet(torch.rand(4, 1, 8, 8), torch.arange(4) % 3)


@pytest.mark.parametrize(("kind", "parameter"), [(DeeperClient, "to"), (Tee, "exit")])
@pytest.mark.parametrize("name", ["second", "second.relu"])
def test_a_block_names_the_place_behind_its_last_layer(
    kind: type[Defense], parameter: str, name: str, nested: SplitModel, images: ImageSet
) -> None:
    protected = kind(**{parameter: name}).protect(nested, images)

    assert list(dict(protected.client.named_children()))[-1] == "second/relu"
    torch.testing.assert_close(protected.classify(images.images), nested.classify(images.images))


@pytest.mark.parametrize(("kind", "parameter"), [(DeeperClient, "to"), (Tee, "exit")])
def test_a_place_that_several_tensors_cross_is_refused(
    kind: type[Defense], parameter: str, nested: SplitModel, images: ImageSet
) -> None:
    with pytest.raises(UsageError, match=r"Expected a place where one tensor crosses, got 'skip.inner'"):
        kind(**{parameter: "skip.inner"}).protect(nested, images)


@pytest.mark.parametrize(("kind", "parameter"), [(DeeperClient, "to"), (Tee, "exit")])
def test_a_block_on_the_device_is_inapplicable(
    kind: type[Defense], parameter: str, nested: SplitModel, images: ImageSet
) -> None:
    with pytest.raises(Inapplicable, match=f"in {parameter}, got 'first'"):
        kind(**{parameter: "first"}).protect(nested, images)
