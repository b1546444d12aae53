"""Images of a known distribution."""

from pathlib import Path

import pytest
import torch
from mia_bench.benchmark.datasets import known_prior
from mia_bench.benchmark.datasets.known_prior import KnownPrior, draw_set, fit_mixture
from mia_bench.benchmark.evaluation.pool_validation import validate_pools
from mia_bench.benchmark.interfaces import ImageSet, Pools


class FewDigits:
    def load(self, data_dir: Path | None) -> Pools:
        images = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(0)).round()
        return Pools(*[ImageSet(images, torch.arange(200) % 10)] * 3, classes=tuple("0123456789"))


@pytest.mark.parametrize(("prior", "components", "classes"), [("gaussian", 1, 4), ("mixture", 10, 10)])
def test_its_pools_are_valid_draws_of_the_prior(
    prior: str, components: int, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_prior, "Mnist", lambda **_: FewDigits())

    pools = KnownPrior(prior=prior, aux_images=600, private_images=100).load(None)  # type: ignore[arg-type]

    validate_pools(pools, "known_prior")
    assert pools.prior is not None
    assert (len(pools.prior.weights), len(pools.classes)) == (components, classes)
    assert len(set(pools.private.labels.tolist())) == classes
    assert (pools.train.images.min() > 0, pools.train.images.max() < 1) == (True, True)
    again = KnownPrior(prior=prior, aux_images=600, private_images=100).load(None)  # type: ignore[arg-type]
    assert torch.equal(again.private.images, pools.private.images)


def test_draws_have_the_moments_of_the_prior() -> None:
    torch.manual_seed(0)
    prior = fit_mixture(torch.rand(500, 1, 7, 7), torch.zeros(500))

    images = draw_set(prior, 20_000).images.flatten(1).double()

    torch.testing.assert_close(images.mean(0), prior.means[0].flatten(), atol=3e-3, rtol=0)
    torch.testing.assert_close(torch.cov(images.T), prior.covariances[0], atol=5e-4, rtol=0)
