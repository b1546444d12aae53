"""The operations of the server, counted while it answers."""

from collections import OrderedDict
from dataclasses import dataclass, replace

import pytest
import torch
from mia_bench.benchmark.interfaces import Channel, Defense, Exchange, ImageSet, Normalize, SplitModel, Wire
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.defenses.deeper_client import DeeperClient
from mia_bench.defenses.fc_before_send import FcBeforeSend
from mia_bench.defenses.quantize import Quantize
from mia_bench.defenses.tee import Tee
from torch import Tensor, nn

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


class Mixing(Channel):
    """Send sums of all numbers of the value, beside which it holds a copy of each of them."""

    def forward(self, value: Tensor) -> Tensor:
        copies = value.new_ones(100, 1) @ value.flatten(1)
        return value + copies.sum(0, keepdim=True).view_as(value)


@pytest.mark.parametrize(("where", "numbers"), [("ir_channel", 16), ("input_channel", 64)])
def test_what_a_channel_computes_and_holds_is_on_the_device(where: str, numbers: int) -> None:
    plain = split_model()
    costs = measure_costs(replace(plain, **{where: Mixing()}), IMAGE)

    assert (costs.client_macs, costs.channel_macs) == (FC1 + 100 * numbers, 100 * numbers)
    assert costs.client_peak_bytes == 4 * (100 + 100 * numbers + numbers)
    assert costs.server_macs == FC2


def test_a_model_without_channels_holds_and_computes_what_its_layers_do() -> None:
    costs = measure_costs(split_model(), IMAGE)

    assert (costs.client_macs, costs.channel_macs, costs.client_peak_bytes) == (FC1, 0, 4 * (64 + 64))
