"""What all architectures have in common."""

import copy
from typing import cast

import pytest
import torch
from mia_bench.benchmark import registry
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Defense, Model, Normalize, Target, Training
from mia_bench.benchmark.metrics import accuracy
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.benchmark.training import train_target, tuning, untrained_copy
from torch import Tensor, nn

from ..helpers.architectures import ARCHITECTURES
from ..helpers.quadrants import bright_quadrants

NEW = ["inception", "plain", "resnet", "vgg"]
SHAPES = [(1, 16, 16), (1, 28, 28), (3, 32, 32), (2, 33, 17), (3, 96, 96), (3, 224, 224)]


def architecture(name: str, **params: int) -> Model:
    return cast(Model, registry.load(registry.find("models", name))(**params))


def target(name: str, shape: tuple[int, int, int], classes: int = 4, **params: int) -> Target:
    torch.manual_seed(0)
    normalize = Normalize(torch.full((shape[0],), 0.5), torch.full((shape[0],), 0.25))
    return Target(normalize, architecture(name, **params).build(shape, classes)).eval()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NEW)
def test_it_adapts_to_channels_size_and_classes(name: str, shape: tuple[int, int, int]) -> None:
    net = target(name, shape, classes=5)
    assert net(torch.rand(2, *shape)).shape == (2, 5)


@pytest.mark.parametrize(("name", "least"), [*((name, 16) for name in [*NEW, "lenet5"]), ("cnn6", 8)])
def test_images_that_are_too_small_are_refused(name: str, least: int) -> None:
    with pytest.raises(ValueError, match=f"images of at least {least}x{least} pixels, got {least - 1}x{least}"):
        architecture(name).build((1, least - 1, least), 2)

    assert architecture(name).build((1, least, least), 2)(torch.rand(2, 1, least, least)).shape == (2, 2)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_gradients_reach_every_weight_and_the_image(name: str) -> None:
    net = target(name, (3, 32, 32))
    images = torch.rand(8, 3, 32, 32, requires_grad=True)
    torch.nn.functional.cross_entropy(net(images), torch.arange(8) % 4).backward()
    for key, weight in net.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.abs().max() > 0, key
    assert cast(Tensor, images.grad).flatten(1).abs().amax(1).min() > 0


@pytest.mark.parametrize("name", NEW)
def test_no_layer_behaves_differently_in_training(name: str) -> None:
    net = target(name, (3, 16, 16))
    images = torch.rand(4, 3, 16, 16)
    assert torch.equal(copy.deepcopy(net).train()(images), net(images))


@pytest.mark.parametrize("name", NEW)
@pytest.mark.slow
def test_the_common_recipe_teaches_it_and_leaves_its_layers_as_they_were(name: str) -> None:
    net = target(name, (1, 16, 16), width=8)
    keys = list(net.state_dict())
    train_target(net, bright_quadrants(torch.arange(512) % 4), Training(epochs=6))
    judged = bright_quadrants(torch.arange(256) % 4)

    assert accuracy(net(judged.images), judged.labels) > 0.9
    assert list(net.state_dict()) == keys


@pytest.mark.parametrize("name", NEW)
def test_an_untrained_copy_of_it_is_another_network_of_the_same_structure(name: str) -> None:
    net = target(name, (1, 16, 16))
    fresh = untrained_copy(net)
    assert list(fresh.state_dict()) == list(net.state_dict())
    images = torch.rand(2, 1, 16, 16)
    assert not torch.allclose(fresh(images), net(images))


@pytest.mark.parametrize("defense", sorted({*registry.names("defenses")} - {"ckks", "secret_sharing"}))
@pytest.mark.parametrize("name", NEW)
def test_every_defense_protects_it(name: str, defense: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "MIN_STEPS_PER_EPOCH", 1)
    data = bright_quadrants(torch.arange(64) % 4)
    model = target(name, (1, 16, 16), width=8).split("relu31" if name == "vgg" else "stage1")
    protected = cast(Defense, registry.load(registry.find("defenses", defense))()).protect(model, data)

    assert protected.classify(data.images[:2]).shape == (2, 4)
    costs = measure_costs(protected, data.images[:1])
    assert min(costs.client_macs, costs.client_params) > 0


@pytest.mark.parametrize(("defense", "what"), [("ckks", "ciphertexts"), ("secret_sharing", "shares")])
@pytest.mark.parametrize(("name", "block"), [("resnet", "Residual"), ("inception", "InceptionModule")])
def test_cryptography_says_what_it_cannot_compute(name: str, block: str, defense: str, what: str) -> None:
    encrypting = cast(Defense, registry.load(registry.find("defenses", defense))())
    with pytest.raises(Inapplicable, match=rf"layer 'stage3' \({block}\) cannot be computed on {what}"):
        encrypting.protect(target(name, (1, 16, 16), width=8).split("relu3"), bright_quadrants(torch.arange(64) % 4))


def test_the_vgg_has_the_layers_of_configuration_a() -> None:
    net = architecture("vgg", width=64).build((3, 224, 224), 1000)
    convolutions = [layer for layer in net if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64, 128, 256, 256, 512, 512, 512, 512]
    assert sum(weight.numel() for layer in convolutions for weight in layer.parameters()) == 9_220_480  # torchvision's
