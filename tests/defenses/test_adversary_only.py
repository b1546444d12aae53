"""Parameters that only say what the adversary sees or knows leave the protected network as it is."""

from itertools import pairwise

import pytest
import torch
from mia_bench.benchmark.evaluation.protection import defended
from mia_bench.benchmark.plan.cells import Setting
from mia_bench.benchmark.registry.specs import resolve


@pytest.mark.parametrize(
    ("defense", "params", "parameter", "values"),
    [
        ("feature_share", {"tuning_epochs": 0}, "collude", (1, 2, 3)),
        ("secret_sharing", {}, "collude", (False, True)),
        ("ensembler", {"bodies": 2, "selected": 1, "tuning_epochs": 1}, "known_bodies", ("all", "selected", "one")),
    ],
)
def test_all_values_protect_with_the_same_weights(defense, params, parameter, values, model, train):
    dataset, network = resolve("datasets", "photos", {}), resolve("models", "lenet5", {})
    protected = []
    for value in values:
        chosen = resolve("defenses", defense, {**params, parameter: value})
        setting = Setting(dataset, network, "relu1", chosen, seed=0, images=4)
        protected.append(defended(setting, model, train[:64]))

    for one, other in pairwise(protected):
        assert one.client.state_dict().keys() == other.client.state_dict().keys()
        for mine, theirs in ((one.client, other.client), (one.server, other.server)):
            for name, weight in mine.state_dict().items():
                assert torch.equal(weight, theirs.state_dict()[name]), name


def test_other_parameters_have_random_numbers_of_their_own(model, train):
    dataset, network = resolve("datasets", "photos", {}), resolve("models", "lenet5", {})
    found = []
    for servers in (3, 4):
        chosen = resolve("defenses", "feature_share", {"tuning_epochs": 0, "servers": servers})
        shared = defended(Setting(dataset, network, "relu1", chosen, seed=0, images=4), model, train[:64])
        found.append(shared.server[0].masks[0].nonzero()[:, 0].tolist())

    assert found[0][:2] != found[1][:2]
