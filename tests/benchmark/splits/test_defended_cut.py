"""The stages that a defense leaves of a cut."""

from collections import OrderedDict

import torch
from mia_bench.benchmark.interfaces import Normalize, Target
from mia_bench.benchmark.metrics.exchanges import Exchanged, server_macs, server_param_bytes
from mia_bench.benchmark.metrics.held_weights import weight_bytes
from mia_bench.benchmark.splits.defended_cut import as_defended
from mia_bench.benchmark.splits.structure import Stage, count_cuts
from torch import nn


def test_nothing_is_taken_from_layers_that_share_weights_if_a_defense_leaves_them() -> None:
    layers = nn.Sequential(OrderedDict(flat=nn.Flatten(), **{name: nn.Linear(64, 64) for name in "abcd"}))
    for name in "bcd":
        layers.get_submodule(name).weight = layers.get_submodule("a").weight
    target = Target(Normalize(torch.zeros(1), torch.ones(1)), layers).eval()
    cuts = count_cuts(target, (1, 8, 8))

    for cut in cuts:
        model = target.split(cut.split)
        exchanged = Exchanged.of(model, torch.rand(1, 1, 8, 8))
        served = server_macs(model, exchanged, exchanged.sending_macs)
        assert served is not None
        client, server = (exchanged.sending_macs, weight_bytes(model.on_device)), (served, server_param_bytes(model))

        left = as_defended(cut, cuts, client=client, server=server)

        assert left.client_stages == (*cut.client_stages, Stage(0, 0))
        assert left.server_stages == (*cut.server_stages, Stage(0, 0))
