"""Twenty networks of torchvision, cut at every place where one tensor crosses."""

from typing import Any

import pytest
import torch
import torchvision
from mia_bench.benchmark.interfaces import Normalize, Target
from mia_bench.models._graph import linearize
from torch import nn

QUICK = {  # cuts, pixels a side
    "mobilenet_v3_small": (59, 32),
    "resnet18": (23, 32),
    "squeezenet1_1": (34, 32),
}
SLOW = {
    "alexnet": (22, 64),
    "shufflenet_v2_x0_5": (89, 32),
    "convnext_tiny": (40, 32),
    "densenet121": (25, 32),
    "efficientnet_b0": (79, 32),
    "efficientnet_v2_s": (82, 32),
    "googlenet": (26, 32),
    "inception_v3": (32, 75),
    "maxvit_t": (241, 64),
    "mnasnet0_5": (72, 32),
    "mobilenet_v2": (73, 32),
    "regnet_y_400mf": (38, 32),
    "resnext50_32x4d": (39, 32),
    "swin_t": (41, 32),
    "swin_v2_t": (41, 64),
    "vgg11_bn": (38, 32),
    "vit_b_16": (33, 32),
}


def small_maxvit() -> nn.Module:
    """``maxvit_t`` for smaller images, of which it takes one size only."""
    layers, channels = [2, 2, 5, 2], [64, 128, 256, 512]
    return torchvision.models.MaxVit((64, 64), 64, 2, channels, layers, head_dim=32, stochastic_depth_prob=0.2)


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    auxiliary: dict[str, Any] = {"aux_logits": False, "init_weights": False}
    options = {"googlenet": auxiliary, "inception_v3": auxiliary, "vit_b_16": {"image_size": 32}}
    built = small_maxvit() if name == "maxvit_t" else torchvision.models.get_model(name, **options.get(name, {}))
    for part in built.modules():  # statistics that are not those of an untrained network
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.1)  # pyright: ignore[reportArgumentType]
    return built.eval()


@torch.no_grad()
def check(name: str, count: int, size: int) -> None:
    whole = network(name)
    images = torch.rand(2, 3, size, size)
    normalize = Normalize(torch.full((3,), 0.5), torch.full((3,), 0.25))
    expected = whole(normalize(images))
    keys = len(whole.state_dict())
    target = Target(normalize, linearize(whole, (3, size, size)))

    assert len(target.splits) == count
    assert len(target.layers.state_dict()) == keys
    assert torch.equal(target(images), expected)
    for split in target.splits[:: max(1, count // 8)]:
        model = target.split(split)
        wire = model.send(images)
        assert torch.equal(model.answer(wire), expected), split
        assert torch.equal(wire.tensor, model.client(images)), split
    assert target.to("meta")(images.to("meta")).shape == expected.shape  # nothing stays on another device


@pytest.mark.parametrize("name", QUICK)
def test_server_of_client_is_the_network_bit_for_bit(name: str) -> None:
    check(name, *QUICK[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_server_of_client_is_the_network_bit_for_bit_in_larger_ones(name: str) -> None:
    check(name, *SLOW[name])
