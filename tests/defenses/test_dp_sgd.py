"""Differentially private training: a negative control."""

import re

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import ImageSet, SplitModel
from mia_bench.defenses.dp_sgd import DpSgd
from opacus.accountants import RDPAccountant
from opacus.accountants.analysis import rdp
from torch import nn


def spent(protected):
    return float(
        re.search(r"none for inputs; \((\S+), 1e-05\)-DP of the training images", protected.promise.guarantee)[1]
    )


def test_the_promise_is_about_the_training_images_and_not_about_inputs(model, train):
    promise = DpSgd(dp_epochs=1).protect(model, train).promise
    assert promise.epsilon is None
    assert promise.delta is None
    assert promise.guarantee.startswith("none for inputs")


def test_the_epsilon_is_that_of_the_steps_really_done(model, train, monkeypatch):
    steps = []
    step = RDPAccountant.step
    monkeypatch.setattr(RDPAccountant, "step", lambda self, **given: (steps.append(given), step(self, **given))[1])
    protected = DpSgd(dp_epochs=3, noise_multiplier=1.3, dp_batch=128).protect(model, train)
    assert len(steps) == 3 * 1024 / 128
    alphas = RDPAccountant.DEFAULT_ALPHAS
    curve = rdp.compute_rdp(q=128 / 1024, noise_multiplier=1.3, steps=len(steps), orders=alphas)
    expected, _ = rdp.get_privacy_spent(orders=alphas, rdp=curve, delta=1e-5)
    assert spent(protected) == pytest.approx(expected, rel=1e-3)


def test_more_noise_spends_less_epsilon_and_more_epochs_spend_more(model, train):
    loud, soft, long = (
        spent(DpSgd(noise_multiplier=noise, dp_epochs=epochs).protect(model, train))
        for noise, epochs in ((4, 1), (0.7, 1), (0.7, 3))
    )
    assert loud < soft < long


def test_no_weight_remembers_the_training_without_noise(model, train):
    protected = DpSgd(dp_epochs=1, noise_multiplier=1e-3, gradient_clip=1e-9).protect(model, train)
    for trained, given in zip(protected.modules().parameters(), model.modules().parameters(), strict=True):
        correlation = torch.corrcoef(torch.stack([trained.detach().flatten(), given.flatten()]))[0, 1]
        assert trained.numel() < 100 or correlation.abs() < 0.4


def test_the_gradient_of_each_image_is_clipped(model, train):
    """One image whose gradient would dominate moves the weights no farther than the learning rate times the clip."""
    few = ImageSet(train.images[:1], train.labels[:1])
    torch.manual_seed(3)
    still = DpSgd(noise_multiplier=1e-9, gradient_clip=1e-6, dp_batch=1, dp_epochs=1).protect(model, few)
    torch.manual_seed(3)
    moved = DpSgd(noise_multiplier=1e-9, gradient_clip=1e-2, dp_batch=1, dp_epochs=1).protect(model, few)
    distance = torch.cat(
        [(a - b).flatten() for a, b in zip(still.modules().parameters(), moved.modules().parameters(), strict=True)]
    ).norm()
    assert distance.item() <= 0.5 * 2 + 1e-3  # each moves by at most 0.5: the rate is scaled inversely with the clip


def test_it_costs_accuracy_but_hides_nothing_from_a_decoder(model, train, judged):
    plain, private = judged(model), judged(DpSgd(noise_multiplier=4, dp_epochs=2).protect(model, train))
    assert private[0] < plain[0] - 0.05
    assert private[1] > plain[1] - 1


@pytest.mark.slow
def test_with_little_noise_the_network_learns(model, train, judged):
    protected = DpSgd(noise_multiplier=0.1, dp_epochs=12, dp_batch=64).protect(model, train)
    assert judged(protected)[0] > 0.7


def test_the_network_comes_back_without_the_hooks_of_opacus(model, train):
    protected = DpSgd(dp_epochs=1).protect(model, train).copy()
    assert not any(hasattr(weight, "grad_sample") for weight in protected.modules().parameters())
    assert not any(part._forward_hooks or part._backward_hooks for part in protected.modules().modules())


def test_a_network_that_opacus_cannot_train_is_refused(train):
    normalized = SplitModel(
        client=nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)),
        server=nn.Sequential(nn.Flatten(), nn.Linear(784, 4)),
    )
    with pytest.raises(Inapplicable, match=r"Opacus cannot train this network with differential privacy: .*BatchNorm"):
        DpSgd().protect(normalized, train)
