"""The operations of the server, counted while it answers."""

from collections import OrderedDict
from dataclasses import dataclass

import pytest
import torch
from mia_bench.benchmark.interfaces import Defense, Exchange, ImageSet, Normalize, SplitModel, Wire
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.defenses.deeper_client import DeeperClient
from mia_bench.defenses.fc_before_send import FcBeforeSend
from mia_bench.defenses.quantize import Quantize
from mia_bench.defenses.tee import Tee
from torch import nn

FC1, FC2 = 64 * 16, 16 * 10
"""Operations of the two layers, whose first is on the device."""
IMAGE = torch.rand(1, 1, 8, 8)


def split_model() -> SplitModel:
    normalize = Normalize(torch.zeros(1), torch.ones(1))
    client = nn.Sequential(OrderedDict(normalize=normalize, flat=nn.Flatten(), fc1=nn.Linear(64, 16, bias=False)))
    server = nn.Sequential(OrderedDict(relu1=nn.ReLU(), fc2=nn.Linear(16, 10, bias=False)))
    return SplitModel(client=client, server=server)


@pytest.mark.parametrize(
    ("defense", "client", "server"),
    [
        (Quantize(tuning_epochs=0), FC1, FC2),
        (DeeperClient(to="relu1"), FC1, FC2),
        (DeeperClient(to="fc2"), FC1 + FC2, 0),
        (FcBeforeSend(width=4, tuning_epochs=0), FC1 + 16 * 4, 4 * 16 + FC2),
        (Tee(), FC1, FC2),
        (Tee(exit="relu1"), FC1, FC2),
    ],
    ids=str,
)
def test_device_and_server_have_the_operations_by_hand(defense: Defense, client: int, server: int) -> None:
    train = ImageSet(torch.rand(8, 1, 8, 8), torch.arange(8) % 2)
    costs = measure_costs(defense.protect(split_model(), train), IMAGE)

    assert (costs.client_macs, costs.server_macs) == (client, server)
    biases = 16 if isinstance(defense, FcBeforeSend) else 0
    assert costs.server_param_bytes == 4 * (server + biases)


@dataclass(frozen=True, kw_only=True)
class Elsewhere(SplitModel):
    """The server computes in another process."""

    def exchange(self, wire: Wire) -> Exchange:
        return Exchange(torch.zeros(1, 10), client_ms=0, server_ms=1, more_bytes_up=0, bytes_down=40)


def test_operations_that_are_not_seen_are_unknown() -> None:
    plain = split_model()

    assert measure_costs(Elsewhere(client=plain.client, server=plain.server), IMAGE).server_macs is None


@dataclass(frozen=True, kw_only=True)
class LastLayerAtHome(SplitModel):
    """The last layer is on the device."""

    @property
    def on_device(self) -> nn.Sequential:
        return nn.Sequential(*self.client, *self.server[1:])


def test_layers_of_the_device_after_the_answer_are_not_those_of_the_server() -> None:
    plain = split_model()

    assert measure_costs(LastLayerAtHome(client=plain.client, server=plain.server), IMAGE).server_macs == 0
