"""An IR that is less correlated with the image."""

import math

import numpy as np
import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import SplitModel
from mia_bench.defenses.nopeek import Nopeek, distance_correlation
from torch import nn


def slow_distance_correlation(first, second):
    """By the definition, pair by pair, in double precision."""
    count = len(first)

    def centered(samples):
        distances = np.zeros((count, count))
        for i in range(count):
            for j in range(count):
                distances[i, j] = math.sqrt(sum((a - b) ** 2 for a, b in zip(samples[i], samples[j], strict=True)))
        result = np.zeros((count, count))
        for i in range(count):
            for j in range(count):
                result[i, j] = distances[i, j] - distances[i].mean() - distances[:, j].mean() + distances.mean()
        return result

    a, b = centered(first), centered(second)
    covariance, spread_a, spread_b = (
        sum(x[i, j] * y[i, j] for i in range(count) for j in range(count)) / count**2
        for x, y in ((a, b), (a, a), (b, b))
    )
    return math.sqrt(covariance / math.sqrt(spread_a * spread_b))


@pytest.mark.parametrize("dependence", [0.0, 0.7, 5.0])
def test_the_distance_correlation_is_that_of_the_definition(dependence):
    first = torch.rand(15, 2, 3, 3)
    second = dependence * first.flatten(1)[:, :7].square() + torch.randn(15, 7)
    expected = slow_distance_correlation(first.flatten(1).tolist(), second.tolist())
    assert distance_correlation(first, second).item() == pytest.approx(expected, abs=1e-4)


def test_it_is_one_for_a_scaled_rotation_and_sees_dependence_without_correlation():
    first = torch.randn(200, 5)
    rotation = torch.linalg.qr(torch.randn(5, 5)).Q
    assert distance_correlation(first, 3 * first @ rotation + 1).item() == pytest.approx(1, abs=1e-4)
    line = torch.linspace(-1, 1, 201)[:, None]  # line and line^2 are uncorrelated
    assert distance_correlation(line, line.square()).item() > 0.4


def test_gradients_are_finite_for_equal_images_and_for_a_constant_ir():
    ir = torch.zeros(6, 4).requires_grad_()
    distance_correlation(torch.ones(6, 3), ir).backward()
    assert ir.grad.isfinite().all()
    twice = torch.rand(3, 4).repeat(2, 1).requires_grad_()
    distance_correlation(torch.rand(3, 5).repeat(2, 1), twice).backward()
    assert twice.grad.isfinite().all()


@pytest.mark.slow
def test_more_weight_lowers_the_correlation_of_images_and_irs(target, train, private):
    levels = []
    for weight in (0, 1):
        protected = Nopeek(correlation_weight=weight, tuning_epochs=2).protect(target.split("relu2"), train)
        levels.append(distance_correlation(private.images, protected.send(private.images).tensor).item())
    assert levels[0] > levels[1] + 0.05


def test_the_network_stays_useful(model, train, judged):
    assert judged(Nopeek(tuning_epochs=1).protect(model, train))[0] > judged(model)[0] - 0.05


def test_few_images_change_the_wire(model, train, private):
    protected = Nopeek().protect(model, train[:60])
    before, after = (each.send(private.images[:20]).tensor for each in (model, protected))
    assert (after - before).abs().mean() > 0.02 * before.abs().mean()


def test_a_client_without_weights_cannot_be_trained(train):
    bare = SplitModel(client=nn.Sequential(nn.Identity()), server=nn.Sequential(nn.Flatten(), nn.Linear(256, 4)))
    with pytest.raises(Inapplicable, match="The client has no layers with weights"):
        Nopeek().protect(bare, train)
