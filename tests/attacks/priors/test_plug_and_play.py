"""The search with a denoiser, the draws by the same steps, and what is trained once."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from mia_bench.attacks._decoders.divided import Known
from mia_bench.attacks._decoders.folds import divide_into_folds
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._inversion.cosine_covariance import CosineCovariance
from mia_bench.attacks._priors.half_quadratic import Alternation
from mia_bench.attacks._priors.samples import Sampler
from mia_bench.attacks._priors.trained_once import divided_by_content, trained_once
from mia_bench.attacks.prior_denoiser import PriorDenoiser
from mia_bench.benchmark.interfaces import Channel, ImageSet, Observation, Reconstruction, Wire
from mia_bench.benchmark.metrics import psnr
from torch import Tensor, nn

QUICK = {"epochs": 2, "steps": 100, "iterations": 60}


class Misleading(Channel):
    """Publishes a distance that is smallest far away."""

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        return (value + sent).square().flatten(1).sum(1)


@dataclass(frozen=True)
class Gaussian:
    """The exact denoiser of pixels with mean 0.5 and a standard deviation."""

    deviation: float

    def denoise(self, images: Tensor, sigma: float) -> Tensor:
        return 0.5 + (images - 0.5) * self.deviation**2 / (self.deviation**2 + sigma**2)


class LeftHalf(nn.Module):
    """Sends the left half of images."""

    def forward(self, images: Tensor) -> Tensor:
        return images[..., : images.shape[3] // 2]


def sampler(wires: Tensor, error: float = 0.07) -> Sampler:
    """Draws of images of 16x16 pixels of which the left half is known."""
    errors = CosineCovariance(torch.randn(500, 1, 16, 16, generator=torch.Generator().manual_seed(0)))
    alternation = Alternation(
        LeftHalf(), Channel().distance, Gaussian(0.1), misfit=1.0, error=error, iterations=60, errors=errors
    )
    return Sampler(alternation, Known([torch.full((len(wires), 1, 16, 16), 0.5)]), weight=1e-4)


def test_draws_agree_where_the_wire_is_known_and_vary_like_images_elsewhere() -> None:
    torch.manual_seed(0)
    wires = 0.5 + 0.1 * torch.randn(2, 1, 16, 8)

    drawn = torch.stack([images for (images,) in sampler(wires).draw([wires], 20)])

    deviation = drawn.std(0)
    torch.testing.assert_close(drawn.mean(0)[..., :8], wires, atol=0.02, rtol=0)
    assert deviation[..., :8].mean() < 0.01
    assert 0.08 < deviation[..., 8:].mean() < 0.12


def test_a_draw_depends_on_its_own_wire_only() -> None:
    wires = torch.rand(3, 1, 16, 8)
    torch.manual_seed(0)
    ((images,),) = sampler(wires).draw([wires], 1)
    torch.manual_seed(0)
    ((turned,),) = sampler(wires).draw([wires.flip(0)], 1)

    torch.testing.assert_close(turned.flip(0), images)


@pytest.mark.slow
def test_the_search_beats_the_decoder_and_does_no_harm(world: Callable) -> None:
    plain, found = (
        psnr(victim.attacked_by(PriorDenoiser(**QUICK, prior_steps=20, samples=0)), victim.private.images).mean()
        for victim in (world("pool1", Misleading()), world("pool1"))
    )

    assert found > plain + 1  # the distance of the first is of no use, so it answers what the decoder does


def test_the_attackers_images_are_divided_in_the_same_way_in_every_cell() -> None:
    images = torch.rand(50, 1, 8, 8)
    seen = Observation(
        wire=Wire(images[:2]),
        aux=ImageSet(images, torch.zeros(50, dtype=torch.int64)),
        classes=2,
        channel=Channel(),
        query=Wire,
    )
    queries, others = Queries(seen, images), Queries(seen, images.flip(0))
    torch.manual_seed(1)
    first = divided_by_content(queries, divide_into_folds)
    torch.manual_seed(2)

    again, other = divided_by_content(queries, divide_into_folds), divided_by_content(others, divide_into_folds)

    assert all(torch.equal(one.judge, same.judge) for one, same in zip(first, again, strict=True))
    assert not all(torch.equal(one.judge, same.judge) for one, same in zip(first, other, strict=True))


def test_what_is_trained_once_does_not_depend_on_the_cell_or_change_its_stream(cache) -> None:
    def train(images: Tensor) -> dict[str, Tensor]:
        return {"noise": torch.randn(3)}

    images, found, streams = torch.rand(2, 1, 8, 8), [], []
    for seed, version in ((1, 1), (1, 1), (2, 2)):
        torch.manual_seed(seed)
        found.append(trained_once({"name": "test", "version": version}, images, train)["noise"])
        streams.append(torch.rand(1))

    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert streams[0] == streams[1] != streams[2]


@pytest.mark.slow
def test_a_denoiser_answers_with_its_draws(world: Callable, cache) -> None:
    victim, attack = world("relu2"), PriorDenoiser(epochs=1, steps=20, iterations=20, prior_steps=20, samples=3)
    torch.manual_seed(0)

    rebuilt = attack.reconstruct(victim.seen_by(attack))

    assert isinstance(rebuilt, Reconstruction)
    assert list(rebuilt.members) == ["search", "mean_of_draws"]
    assert rebuilt.samples is not None
    assert rebuilt.samples.shape == (3, *victim.private.images.shape)
    assert rebuilt.samples.std(0).mean() > 1e-3
