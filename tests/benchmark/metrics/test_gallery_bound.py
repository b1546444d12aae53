"""The gallery bound against closed forms and against attackers that know everything."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
import torch
from mia_bench.benchmark.interfaces import Channel, SplitModel
from mia_bench.benchmark.metrics import gallery_bound as bounds
from mia_bench.benchmark.metrics import psnr
from mia_bench.benchmark.metrics.gallery_bound import GalleryBound, gallery_bound
from mia_bench.defenses._dp.noise_channel import NoiseChannel
from mia_bench.defenses.dropout import Dropout
from scipy.stats import norm, t
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

PIXELS = 64


def model(sigma: float, *, noise: str = "gaussian", client: nn.Module | None = None) -> SplitModel:
    """A client whose IR are the pixels, unless another one is given."""
    return SplitModel(
        client=nn.Sequential(OrderedDict(flatten=nn.Flatten(), layer=client or nn.Identity())),
        server=nn.Sequential(),
        ir_channel=NoiseChannel(noise=noise, sigma=sigma, clip=None),  # type: ignore[arg-type]
    )


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def images(count: int) -> Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize(("sigma", "observations"), [(1.0, 1), (1.5, 3), (5.0, 1), (5.0, 3)])
def test_two_images_under_gaussian_noise_have_a_closed_form(
    sigma: float, observations: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "TOTAL_WIRES", 10_000)
    pair = images(2)
    apart = (pair[0] - pair[1]).square().sum().sqrt().item()
    named = norm.cdf(apart * math.sqrt(observations) / (2 * sigma))
    other = -20 * math.log10(apart / math.sqrt(PIXELS))
    # Given v, the chance of the right image is the logistic function of a Gaussian log odds.
    odds = torch.from_numpy(norm.ppf((torch.arange(20000).double().numpy() + 0.5) / 20000))
    ratio = observations * apart**2 / sigma**2
    wrong = torch.sigmoid(-(ratio / 2 + math.sqrt(ratio) * odds))
    error = (wrong.square()).mean().item() * apart**2 / PIXELS

    bound = gallery_bound(model(sigma), pair, observations=observations)

    assert bound is not None
    assert bound.identified == pytest.approx(named, abs=0.01)
    assert bound.psnr_db == pytest.approx(100 * named + (1 - named) * other, abs=1)
    assert 10 ** (-bound.psnr_of_mean_mse_db / 10) == pytest.approx(error, rel=0.1)


def test_without_noise_the_bound_is_the_cap_and_with_endless_noise_that_of_guessing() -> None:
    gallery = images(16)
    silent, deaf = gallery_bound(model(0.01), gallery), gallery_bound(model(1e4), gallery)
    variance = gallery.var(0, unbiased=False).mean().item()

    assert silent is not None
    assert (silent.psnr_db, silent.identified, silent.psnr_of_mean_mse_db) == (100, 1, 100)
    assert deaf is not None
    assert deaf.identified == pytest.approx(1 / 16, abs=0.001)
    assert deaf.psnr_of_mean_mse_db == pytest.approx(-10 * math.log10(variance), abs=0.01)
    # With one image in 16 naming one at random is worth more, as a mean of PSNRs, than the mean image.
    guesses = [gallery.mean(0), *gallery]
    guess = max(psnr(one.expand_as(gallery), gallery).mean().item() for one in guesses)
    assert guess <= deaf.psnr_db <= guess + 0.5


Attacker = Callable[[Tensor, Tensor], Tensor]
ATTACKERS: dict[str, Attacker] = {
    "posterior mean": lambda belief, gallery: (belief @ gallery.flatten(1)).view_as(gallery),
    "most likely image": lambda belief, gallery: gallery[belief.argmax(1)],
    "near the most likely image": lambda belief, gallery: (
        0.9 * gallery[belief.argmax(1)] + 0.1 * (belief @ gallery.flatten(1)).view_as(gallery)
    ),
    "posterior mean and some noise": lambda belief, gallery: (
        (belief @ gallery.flatten(1)).view_as(gallery) + 0.02 * torch.randn_like(gallery)
    ).clamp(0, 1),
    "mean image": lambda belief, gallery: gallery.mean(0).expand_as(gallery),
}


@cache
def bound_of_twelve(sigma: float) -> GalleryBound:
    bound = gallery_bound(model(sigma), images(12))
    assert bound is not None
    return bound


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 2.0, 5.0, 20.0])
@pytest.mark.parametrize("attacker", ATTACKERS.values(), ids=ATTACKERS)
def test_no_attacker_that_owns_the_gallery_beats_the_bound(attacker: Attacker, sigma: float) -> None:
    gallery, bound = images(12), bound_of_twelve(sigma)
    rounds, errors = [], []
    for _ in range(100):
        wires = gallery.flatten(1) + sigma * torch.randn(12, PIXELS)
        belief = (-torch.cdist(wires, gallery.flatten(1)).square() / (2 * sigma**2)).softmax(1)
        answers = attacker(belief, gallery)
        rounds.append(psnr(answers, gallery).mean().item())
        errors.append((answers - gallery).square().mean().item())

    slack = 3 * torch.tensor(rounds).std().item() / 10
    assert sum(rounds) / 100 <= bound.psnr_db + max(slack, 1e-3)
    assert -10 * math.log10(max(sum(errors) / 100, 1e-10)) <= bound.psnr_of_mean_mse_db + 0.3


def test_the_best_attacker_comes_close_to_the_bound() -> None:
    gallery = images(12)
    bound = gallery_bound(model(2.0), gallery)
    assert bound is not None
    scores = []
    for _ in range(100):
        wires = gallery.flatten(1) + 2.0 * torch.randn(12, PIXELS)
        named = torch.cdist(wires, gallery.flatten(1)).argmin(1)
        scores.append(psnr(gallery[named], gallery).mean().item())

    assert sum(scores) / 100 == pytest.approx(bound.psnr_db, abs=2)


def test_more_noise_lowers_the_bound_and_more_wires_raise_it() -> None:
    gallery = images(12)
    bounds = [gallery_bound(model(sigma), gallery) for sigma in (0.5, 1.0, 2.0, 4.0, 8.0)]
    twice = gallery_bound(model(4.0), gallery, observations=4)

    values = [bound.psnr_db for bound in bounds if bound]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 5
    assert twice is not None
    assert twice.psnr_db == pytest.approx(values[2], abs=1.5)  # four wires are one with half the noise


def test_the_leakage_of_a_linear_client_is_that_of_its_matrix() -> None:
    layer = nn.Linear(PIXELS, 30)
    norm_squared = layer.weight.square().sum().item()

    bound = gallery_bound(model(0.5, client=layer), images(64), observations=2)

    assert bound is not None
    leakage = 2 * norm_squared / 0.5**2 / PIXELS
    assert bound.dfil_unbiased_psnr_db == pytest.approx(10 * math.log10(leakage), abs=0.3)


def test_the_leakage_of_one_number_of_two_images_is_drawn_often_enough() -> None:
    layer = nn.Linear(PIXELS, 1)
    leakage = layer.weight.square().sum().item() / 0.5**2 / PIXELS

    found = [gallery_bound(model(0.5, client=layer), images(2)) for _ in range(5)]

    for bound in found:
        assert bound is not None
        assert bound.dfil_unbiased_psnr_db == pytest.approx(10 * math.log10(leakage), abs=0.3)


def test_laplacian_noise_has_a_bound_of_its_own() -> None:
    gaussian, laplacian = (gallery_bound(model(3.0, noise=kind), images(12)) for kind in ("gaussian", "laplacian"))

    assert gaussian is not None
    assert laplacian is not None
    assert laplacian.identified > gaussian.identified + 0.02  # of equal variance, its Fisher information is twice


class Scaled(Channel):
    """Noise of one standard deviation on a tenth of half the numbers."""

    stochastic = True

    def clean(self, value: Tensor) -> Tensor:
        return value[:, ::2] / 10

    def forward(self, value: Tensor) -> Tensor:
        return self.clean(value) + 0.1 * torch.randn_like(self.clean(value))

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor:
        return -self.distance(value, sent) / (2 * 0.1**2)


class Half(nn.Module):
    def forward(self, value: Tensor) -> Tensor:
        return value[:, ::2]


def test_units_and_shape_of_what_is_sent_do_not_change_the_bound() -> None:
    gallery = images(20)

    plain = gallery_bound(model(1.0, client=Half()), gallery)
    torch.manual_seed(0)
    scaled = gallery_bound(replace(model(1.0), ir_channel=Scaled()), gallery)

    assert plain is not None
    assert scaled is not None
    assert scaled.psnr_db == pytest.approx(plain.psnr_db, abs=0.01)
    assert scaled.identified == pytest.approx(plain.identified, abs=0.01)
    assert scaled.dfil_unbiased_psnr_db == pytest.approx(plain.dfil_unbiased_psnr_db, abs=0.3)


def test_where_there_is_no_density_there_is_no_bound() -> None:
    plain = replace(model(0.0), ir_channel=Channel())
    dropout = Dropout(rate=0.5).protect(plain, None)  # type: ignore[arg-type]

    class Overheard(SplitModel):
        def overheard(self, images: Tensor):  # type: ignore[no-untyped-def]
            return self.send(images)

    wider = Overheard(client=plain.client, server=plain.server, ir_channel=model(1.0).ir_channel)

    assert [gallery_bound(each, images(3)) for each in (model(0.0), plain, dropout, wider)] == [None] * 4


def test_noise_on_the_image_has_the_bound_of_the_noisy_image_whatever_the_client() -> None:
    noise = NoiseChannel(noise="gaussian", sigma=2.0, clip=None)
    behind = replace(model(0.0, client=nn.Linear(PIXELS, 3)), ir_channel=Channel(), input_channel=noise)
    found, direct = gallery_bound(behind, images(12)), gallery_bound(model(2.0), images(12))
    assert found is not None
    assert direct is not None
    assert found.identified == pytest.approx(direct.identified, abs=0.03)
    assert found.psnr_db == pytest.approx(direct.psnr_db, abs=2)


def test_many_images_are_bounded_as_several_galleries(monkeypatch: pytest.MonkeyPatch) -> None:
    many, counts = images(20), (7, 7, 6)
    torch.manual_seed(1)
    apart = [gallery_bound(model(2.0), part) for part in many.split(counts)]

    monkeypatch.setattr(bounds, "MAX_GALLERY_IMAGES", 8)
    torch.manual_seed(1)
    together = gallery_bound(model(2.0), many)

    assert together is not None
    for name in ("psnr_db_estimate", "identified_estimate"):
        mean = sum(count * getattr(part, name) for count, part in zip(counts, apart, strict=True)) / 20
        assert getattr(together, name) == pytest.approx(mean, rel=0.01)


def test_the_bound_of_many_images_binds_on_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_GALLERY_IMAGES", 4)
    hard, easy = images(4), torch.full((12, *images(1).shape[1:]), 0.5)
    bound = gallery_bound(model(50.0), torch.cat([hard, easy]))

    guessed = psnr(torch.full_like(torch.cat([hard, easy]), 0.5), torch.cat([hard, easy])).mean().item()
    assert bound is not None
    assert guessed > 70  # dB, without a look at any wire
    assert bound.psnr_db >= guessed


def test_wires_that_take_much_memory_are_not_held_together(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery, private = images(12), model(1.0)
    events: list[str] = []
    density, send = bounds._log_densities, NoiseChannel.forward
    monkeypatch.setattr(bounds, "BLOCK_NUMBERS", 3 * gallery.numel())
    monkeypatch.setattr(bounds, "_log_densities", lambda *args: events.append("weigh") or density(*args))
    monkeypatch.setattr(NoiseChannel, "forward", lambda *args: events.append("send") or send(*args))

    assert gallery_bound(private, gallery, observations=8) is not None

    drawn = events[1 : len(events) - events[::-1].index("weigh")]  # the channel is tried on one wire before
    assert ("send", "weigh") in set(pairwise(drawn))
    assert ("send", "send") not in set(pairwise(drawn))


def test_no_mean_image_is_computed_for_each_wire() -> None:
    class Counting(TorchDispatchMode):
        images = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            value = func(*args, **(kwargs or {}))
            self.images += isinstance(value, Tensor) and value.dtype == torch.float64 and PIXELS in value.shape
            return value

    with Counting() as counting:
        gallery_bound(model(0.3, client=nn.Linear(PIXELS, 3)), images(2))

    assert counting.images < 20


def test_many_wires_of_few_images_are_drawn_often_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of 8 draws, which are skewed, were too low in 4 to 11 % of seeds in place of 0.1 %."""
    drawn = []

    def posteriors(model: Any, irs: Tensor, draws: int, observations: int) -> Tensor:
        drawn.append((draws, observations))
        return torch.rand(draws, len(irs), len(irs)).double().softmax(2)

    monkeypatch.setattr(bounds, "_posteriors", posteriors)
    for count, observations in ((2, 600), (16, 64), (64, 1), (300, 1)):
        gallery_bound(model(1.0), images(count), observations=observations)

    assert drawn == [(256, 600), (32, 64), (32, 1), (6, 1)]


def test_the_limit_is_that_of_student() -> None:
    draws = torch.rand(5, 3, dtype=torch.float64)
    mean, above = bounds._average([draws])

    assert mean == pytest.approx(draws.mean().item())
    assert above == pytest.approx(t.ppf(0.999, 12) * (draws.var(0).sum() / 5).sqrt().item() / 3)


class PureNoise(Channel):
    """Send noise that does not depend on the value."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return torch.randn_like(value)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor:
        return -sent.double().square().flatten(1).sum(1) / 2


def test_noise_that_does_not_depend_on_the_image_has_a_bound_and_no_fisher_information() -> None:
    images = torch.rand(8, 1, 8, 8)
    protected = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(), ir_channel=PureNoise())

    bound = gallery_bound(protected, images)

    assert bound is not None
    assert bound.identified_estimate == pytest.approx(1 / 8)
    assert bound.dfil_unbiased_psnr_db is None
