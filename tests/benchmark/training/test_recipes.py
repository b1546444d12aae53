"""The fast recipe: its sizes of images, its loss, and networks for which the standard one is used."""

import pytest
import torch
from mia_bench.benchmark.interfaces import ImageSet, Training
from mia_bench.benchmark.training import FAST, STANDARD, Recipe, targets, train_target
from mia_bench.models.vit import Vit
from torch import Tensor, nn
from torch.nn import functional

from .conftest import bright_and_dark


def padded() -> nn.Sequential:
    """Return a network that takes images of 16x16 pixels, and smaller ones."""
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 2))


def sides_of(network: nn.Module, training: Training, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Train a network, and return the height of the images in each step."""
    heights: list[int] = []

    def loss(data: ImageSet, outputs: Tensor, batch: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, data.labels[batch])

    def shrink(images: Tensor, side: float) -> Tensor:
        heights.append(round(side * images.shape[2]))
        return targets_shrink(images, side)

    targets_shrink = targets.shrink
    monkeypatch.setattr(targets, "shrink", shrink)
    monkeypatch.setattr(ImageSet, "loss", loss)
    train_target(network, bright_and_dark(64), training)
    return heights


def test_the_fast_recipe_begins_with_smaller_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "MIN_STEPS", 1)
    size = bright_and_dark(1).images.shape[2]

    heights = sides_of(padded(), Training(epochs=20, fast=True), monkeypatch)

    assert heights == sorted(heights)
    assert {*heights} == {round(side * size) for side, _ in FAST.sizes}
    assert len(heights) == 20  # one step per pass


def test_the_standard_recipe_uses_whole_images(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {*sides_of(padded(), Training(epochs=1), monkeypatch)} == {bright_and_dark(1).images.shape[2]}


def test_a_network_that_takes_whole_images_only_is_trained_by_the_standard_recipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = bright_and_dark(1).images
    used: list[Recipe] = []
    monkeypatch.setattr(targets, "_optimize", lambda *args, rate: used.append(args[-1]))

    train_target(Vit().build(tuple(images.shape[1:]), 2), bright_and_dark(8), Training(fast=True))

    assert used == [STANDARD]


def test_smoothed_labels_give_the_loss_of_torch() -> None:
    logits, labels = torch.randn(8, 5), torch.arange(8) % 5
    loss = functional.cross_entropy(logits, labels)

    smoothed = targets._smoothed(loss, logits, 0.1, "classification")

    assert torch.allclose(smoothed, functional.cross_entropy(logits, labels, label_smoothing=0.1))
    assert targets._smoothed(loss, logits, 0.1, "regression") is loss


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_target_learns_by_the_fast_recipe(bfloat16: bool) -> None:
    torch.manual_seed(0)
    target, test = padded(), bright_and_dark(40)

    train_target(target, bright_and_dark(128), Training(epochs=10, fast=True, bfloat16=bfloat16))

    assert (target(test.images).argmax(1) == test.labels).float().mean() > 0.95
    assert target(test.images).dtype is torch.float32


def test_only_the_layers_compute_in_bfloat16() -> None:
    used: list[torch.dtype] = []
    target = padded()
    target[0].register_forward_hook(lambda layer, _, out: used.extend([layer.weight.dtype, out.dtype]))

    train_target(target, bright_and_dark(64), Training(epochs=1, bfloat16=True))

    assert {*used} == {torch.float32, torch.bfloat16}
    assert {each.dtype for each in target.parameters()} == {torch.float32}


def test_precision_tells_trainings_apart_only_where_it_is_set() -> None:
    plain, coarse = Training(), Training(bfloat16=True)

    assert plain.identity == {"epochs": 15, "flip": False, "shift": 0}
    assert coarse.identity == {**plain.identity, "bfloat16": True}
