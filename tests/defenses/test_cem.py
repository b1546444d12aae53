"""Conditional entropy maximization."""

import torch
from mia_bench.defenses.cem import Cem, Centroids


def test_variances_are_those_around_the_nearest_centroid_of_the_class():
    places = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 20.0]])
    groups = torch.tensor([0, 0, 1]).repeat(200)
    irs = places.repeat(200, 1) + torch.randn(600, 2) * torch.tensor([1.0, 0.5])
    variances, shares = Centroids(irs, groups, clusters=2).variances(irs, groups)
    kept = variances[:, 0] < 5
    assert 3 <= kept.sum() <= 4
    assert shares.sum().item() == 1 or abs(shares.sum().item() - 1) < 1e-6
    assert (variances.mean(0) < torch.tensor([1.3, 0.4])).all()


def test_more_weight_draws_the_irs_of_a_class_together(model, train):
    spread = []
    for weight in (0.0, 1.0):
        torch.manual_seed(0)
        protected = Cem(entropy_weight=weight, tuning_epochs=1).protect(model, train)
        ir = protected.client(train.images[:200])
        labels = train.labels[:200]
        within = torch.stack([ir[labels == each].var(0).mean() for each in range(4)]).mean()
        spread.append((within / protected.ir_channel.sigma**2).item())
    assert spread[1] < 0.7 * spread[0]


def test_the_published_term_does_not_know_the_noise(model, train):
    variances = torch.tensor([[0.0, 1.0]])
    assert torch.equal(Cem(published=True)._term(variances, 0.1), Cem(published=True)._term(variances, 9.0))
    assert Cem()._term(variances, 0.1)[0, 1] > Cem()._term(variances, 9.0)[0, 1]
    assert Cem()._term(variances, 0.1)[0, 0] == 0
