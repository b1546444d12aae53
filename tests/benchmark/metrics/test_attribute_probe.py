"""A probe reads labels as well as they can be read, and no better."""

import pytest
import torch
from mia_bench.benchmark.metrics.attribute_probe import read_labels
from scipy.special import ndtr
from torch import Tensor


def share(known: Tensor, labels: Tensor, unknown: Tensor, truth: Tensor) -> float:
    return (read_labels(known, labels, unknown).answers == truth).double().mean().item()


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("apart", [0.5, 1.0, 2.0, 4.0])
def test_two_gaussians_are_told_apart_as_often_as_the_best_rule_does(apart: float) -> None:
    labels = torch.randint(0, 2, (4000, 1))
    values = apart * labels + torch.randn(4000, 1)
    best, error = float(ndtr(apart / 2)), 0.5 / 2000**0.5

    found = share(values[:2000], labels[:2000], values[2000:], labels[2000:])

    assert best - 4 * error < found < best + 3 * error


def test_a_label_that_only_products_of_numbers_tell_is_read() -> None:
    values = torch.randn(800, 2)
    labels = (values.prod(1, keepdim=True) > 0).long()

    assert share(values[:600], labels[:600], values[600:], labels[600:]) > 0.9


def test_values_that_say_nothing_give_the_share_of_chance() -> None:
    labels = torch.randint(0, 4, (1500, 1))

    assert share(torch.randn(1000, 30), labels[:1000], torch.randn(500, 30), labels[1000:]) == pytest.approx(
        1 / 4, abs=0.06
    )


def test_permuted_labels_are_not_read() -> None:
    labels = torch.randint(0, 4, (800, 1))
    values = torch.nn.functional.one_hot(labels[:, 0]).float() + 0.1 * torch.randn(800, 4)
    permuted = labels[:600][torch.randperm(600)]

    assert share(values[:600], labels[:600], values[600:], labels[600:]) == 1.0
    assert share(values[:600], permuted, values[600:], labels[600:]) < 0.5


def test_each_label_is_read_for_itself_and_scale_does_not_matter() -> None:
    labels = torch.stack([torch.randint(0, 2, (600,)), torch.randint(0, 5, (600,))], 1)
    values = 1e9 * (labels + 0.05 * torch.randn(600, 2)) + 1e10

    answers = read_labels(values[:400], labels[:400], values[400:]).answers

    assert (answers == labels[400:]).double().mean(0).tolist() == pytest.approx([1.0, 1.0], abs=0.02)


def test_what_is_read_of_a_label_does_not_depend_on_labels_that_cannot_be_read() -> None:
    mark = torch.randint(0, 2, (600, 1))
    scale = torch.logspace(1, -1.5, 100)
    values = scale * torch.randn(600, 100)
    values[:, 50:51] = 0.3 * values[:, 50:51] + 0.6 * mark
    rare = (torch.rand(600, 39) < 0.2).long()
    among = torch.cat([mark, rare], 1)

    alone, found = (read_labels(values[:400], each[:400], values[400:]) for each in (mark, among))

    assert (alone.answers == mark[400:]).double().mean() > 0.9
    assert found.answers[:, :1].equal(alone.answers)
    assert found.crossed[:, :1].equal(alone.crossed)
    assert found.score[0] == alone.score[0]


def test_all_known_images_are_read_by_probes_that_are_not_fitted_to_them() -> None:
    labels = torch.randint(0, 2, (403, 1))

    found = read_labels(torch.randn(403, 400), labels, torch.randn(1, 400))

    assert (found.crossed == labels).double().mean().item() == pytest.approx(1 / 2, abs=0.08)


def test_numbers_that_are_not_finite_are_no_obstacle() -> None:
    labels = torch.tensor([[0], [1]]).repeat(20, 1)
    values = torch.cat([labels.float(), torch.full((40, 1), torch.nan)], 1)
    values[0, 1] = torch.inf

    assert share(values[:30], labels[:30], values[30:], labels[30:]) == 1.0
