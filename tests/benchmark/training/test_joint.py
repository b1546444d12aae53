"""Joint training of client and server with the loss of a defense."""

import logging

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import SplitModel, TaughtImages
from mia_bench.benchmark.training import train_jointly, tuning
from torch import Tensor, nn

from .conftest import bright_and_dark, untrained


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(tuning, "MIN_STEPS_PER_EPOCH", 20)


@pytest.fixture
def model() -> SplitModel:
    return untrained().split("relu1").copy()


def test_the_loss_is_given_images_labels_irs_and_logits_of_one_batch(model: SplitModel) -> None:
    train, given = bright_and_dark(40), []

    def loss(images: Tensor, labels: Tensor, ir: Tensor, logits: Tensor) -> Tensor:
        given.append((images, labels, model.server(model.client(images)).shape == logits.shape))
        return ir.square().mean()

    train_jointly(model, train, loss, epochs=1)

    images, labels, shapes_agree = given[0]
    assert shapes_agree
    assert torch.equal(labels, (images.mean((1, 2, 3)) > 0.35).long())
    assert len(given) == 20


def test_the_loss_of_the_task_is_added_unless_it_is_left_out(model: SplitModel) -> None:
    train, losses = bright_and_dark(64), []
    for added in (True, False):
        copy = model.copy()
        torch.manual_seed(1)
        train_jointly(copy, train, lambda *batch: 0 * batch[2].sum(), epochs=2, task_loss=added)
        losses.append(train.loss(copy.logits(train.images), torch.arange(64)).item())

    assert losses[0] < 0.5 * losses[1]


def test_images_without_labels_are_trained_with_their_teacher(model: SplitModel) -> None:
    images = bright_and_dark(32).images
    teacher = model.copy()
    train = TaughtImages(images, torch.zeros(32, 0), task="unlabeled", teacher=teacher.logits, class_outputs=True)

    train_jointly(model, train, lambda images, labels, ir, logits: ir.square().mean() + 0 * labels.sum(), epochs=1)

    assert model.send(images).tensor.square().mean() < teacher.send(images).tensor.square().mean()


def test_the_curve_of_the_loss_is_logged_in_tenths(model: SplitModel, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="mia_bench"):
        train_jointly(model, bright_and_dark(64), lambda *batch: batch[2].square().mean(), epochs=5)

    (line,) = caplog.messages
    assert line.startswith("Loss of the training, mean of each tenth of its 100 steps: ")
    curve = [float(number) for number in line.rstrip(".").split(": ")[1].split()]
    assert len(curve) == 10
    assert curve[-1] < curve[0]


def test_modes_frozen_weights_and_gradients_are_restored(model: SplitModel) -> None:
    model.modules().eval().requires_grad_(False)

    train_jointly(model, bright_and_dark(32), lambda *batch: batch[2].mean(), epochs=1)

    assert not any(part.training for half in (model.client, model.server) for part in half.modules())
    assert not any(weight.requires_grad or weight.grad is not None for weight in model.modules().parameters())


def test_a_client_without_weights_is_refused() -> None:
    bare = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(256, 2)))
    with pytest.raises(Inapplicable, match="The client has no layers with weights"):
        train_jointly(bare, bright_and_dark(4), lambda *batch: batch[2].mean(), epochs=1)
