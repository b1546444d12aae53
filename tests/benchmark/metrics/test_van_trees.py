"""The bound on every attacker for images of a known prior, against closed forms and attacks that reach it."""

import math
from collections.abc import Callable

import pytest
import torch
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.evaluation.observe import observe, overhear
from mia_bench.benchmark.interfaces import Channel, ImageSet, Mixture, Pools, SplitModel
from mia_bench.benchmark.metrics import van_trees
from mia_bench.benchmark.metrics.van_trees import van_trees_mse
from mia_bench.defenses._dp.noise_channel import NoiseChannel
from mia_bench.defenses._dp.shaped_channel import ShapedNoise
from torch import Tensor, nn

SIDE = 7


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def prior(count: int = 1, *, spread: float = 0.003) -> Mixture:
    """Smooth images around gray."""
    place = torch.stack(torch.meshgrid(*[torch.arange(SIDE).double()] * 2, indexing="ij")).flatten(1).T
    covariance = spread * torch.exp(-torch.cdist(place, place) / 2)
    means = 0.5 + 0.01 * torch.arange(count).double().view(-1, 1, 1, 1).expand(-1, 1, SIDE, SIDE)
    return Mixture(torch.full((count,), 1 / count), means, covariance.expand(count, -1, -1))


def model(client: nn.Module, sigma: float = 0.05, **noise: str) -> SplitModel:
    channel = NoiseChannel(sigma=sigma, clip=None, **({"noise": "gaussian"} | noise))  # type: ignore[arg-type]
    return SplitModel(client=nn.Sequential(client), server=nn.Sequential(), ir_channel=channel)


def attacked(world: Mixture, protected: SplitModel, count: int = 1500) -> tuple[Tensor, Tensor]:
    """The images of ridge, and the true ones."""
    aux, private = (ImageSet(world.draw(size, 0), torch.arange(size) % 2) for size in (12_000, count))
    pools = Pools(aux, aux, private, ("a", "b"))
    wire = overhear(protected, private.images)
    seen = observe(Ridge(), protected, wire, pools=pools, originals=private.images, identity=0)
    return Ridge(form="dense").reconstruct(seen), private.images


def gap(images: Tensor, truth: Tensor, least: float | None) -> float:
    assert least is not None
    return 10 * math.log10((images - truth).square().mean().item() / least)


def test_ridge_reaches_the_bound_of_an_affine_client_within_a_twentieth_of_a_decibel() -> None:
    world, protected = prior(), model(nn.Conv2d(1, 2, 3))

    images, truth = attacked(world, protected)

    assert abs(gap(images, truth, van_trees_mse(protected, world))) < 0.05


def test_no_attack_beats_the_bound_of_a_client_that_is_not_affine() -> None:
    world, protected = prior(), model(nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.ReLU()))

    images, truth = attacked(world, protected)

    assert gap(images, truth, van_trees_mse(protected, world)) > -0.05


@pytest.mark.parametrize("observations", [1, 4])
def test_pixels_with_noise_have_the_error_of_a_wiener_filter(observations: int) -> None:
    world, sigma = prior(), 0.05
    values = torch.linalg.eigvalsh(world.covariances[0])
    expected = (1 / (1 / values + observations / sigma**2)).mean().item()

    least = van_trees_mse(model(nn.Flatten(), sigma), world, observations=observations)

    assert least == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("sigma", [0.05, 3e-4, 1e-6])
def test_few_numbers_of_an_affine_client_have_the_closed_form_for_any_noise(sigma: float) -> None:
    world, layer = prior(), nn.Linear(SIDE * SIDE, 12)
    matrix = layer.weight.detach().double()
    covariance = world.covariances[0]
    seen = matrix @ covariance @ matrix.T + sigma**2 * torch.eye(12)
    expected = (covariance - covariance @ matrix.T @ torch.linalg.solve(seen, matrix @ covariance)).trace().item()

    assert van_trees_mse(model(nn.Sequential(nn.Flatten(), layer), sigma), world) == pytest.approx(
        expected / SIDE**2, rel=0.01
    )


def test_what_an_input_channel_does_is_part_of_the_client() -> None:
    stretched = SplitModel(
        client=nn.Sequential(nn.Flatten()),
        server=nn.Sequential(),
        input_channel=Stretched(),
        ir_channel=NoiseChannel(noise="gaussian", sigma=0.25, clip=None),
    )

    assert van_trees_mse(stretched, prior()) == pytest.approx(
        van_trees_mse(model(nn.Flatten(), 0.05), prior()), rel=0.02
    )


@pytest.mark.slow
def test_laplacian_noise_has_twice_the_information_of_gaussian_noise() -> None:
    strong, weak = (
        van_trees_mse(model(nn.Flatten(), sigma, noise=noise), prior())
        for sigma, noise in ((0.05, "laplacian"), (0.05 / math.sqrt(2), "gaussian"))
    )

    assert strong == pytest.approx(weak, rel=0.02)


@pytest.mark.slow
def test_of_a_mixture_the_attacker_may_know_the_component() -> None:
    protected = model(nn.Flatten())
    wide, narrow = (van_trees_mse(protected, prior(spread=spread)) for spread in (0.003, 0.001))
    both = Mixture(
        torch.tensor([0.25, 0.75]),
        prior(2).means,
        torch.cat([prior(spread=0.003).covariances, prior(spread=0.001).covariances]),
    )

    assert wide is not None
    assert narrow is not None
    assert van_trees_mse(protected, both) == pytest.approx(0.25 * wide + 0.75 * narrow, rel=0.02)


class Brighter(nn.Module):
    """Sends by how much each pixel is brighter than gray: on average, half of them."""

    def forward(self, images: Tensor) -> Tensor:
        return (images - 0.5).relu().flatten(1)


def test_each_component_of_a_mixture_has_enough_images() -> None:
    sigma, components = 0.003, 8
    single = prior()
    same = Mixture(
        torch.full((components,), 1 / components),
        single.means.expand(components, -1, -1, -1),
        single.covariances.expand(components, -1, -1),
    )
    values = torch.linalg.eigvalsh(single.covariances[0])
    expected = (1 / (1 / values + 0.5 / sigma**2)).mean().item()

    assert van_trees_mse(model(Brighter(), sigma), same) == pytest.approx(expected, rel=0.05)


class Doubled(NoiseChannel):
    """Noise that grows with the value, so it is not simply added."""

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor | None:
        density = super().log_density(value, sent)
        return None if density is None else density * (1 + value.flatten(1).square().sum(1))


class Rounded(nn.Module):
    """A client that sends steps, whose derivative is 0."""

    def forward(self, images: Tensor) -> Tensor:
        return (images.flatten(1) * 32).round() / 32


class Uneven(Channel):
    """Gaussian noise that is weaker in the center, the same in each channel of the value."""

    stochastic = True

    def __init__(self) -> None:
        super().__init__()
        sigma = torch.ones(SIDE, SIDE)
        sigma[2:5, 2:5] = 0.05
        self.register_buffer("sigma", sigma)

    def forward(self, value: Tensor) -> Tensor:
        return value + self.sigma * torch.randn_like(value)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor:
        return -((value - sent) / self.sigma).square().flatten(1).sum(1) / 2


class Stretched(Channel):
    """A higher contrast."""

    def clean(self, value: Tensor) -> Tensor:
        return 5 * value

    def forward(self, value: Tensor) -> Tensor:
        return self.clean(value)


UNKNOWN: dict[str, Callable[[], SplitModel]] = {
    "no noise": lambda: model(nn.Flatten(), 0.0),
    "noise that depends on the value": lambda: SplitModel(
        client=nn.Sequential(nn.Flatten()),
        server=nn.Sequential(),
        ir_channel=Doubled(noise="gaussian", sigma=0.1, clip=None),
    ),
    "steps": lambda: model(Rounded()),
    "noise that is equal in all channels, and differs between places": lambda: SplitModel(
        client=nn.Sequential(nn.Conv2d(1, 2, 1)), server=nn.Sequential(), ir_channel=Uneven()
    ),
}


@pytest.mark.parametrize("build", UNKNOWN.values(), ids=UNKNOWN)
def test_without_added_noise_there_is_no_bound(build: Callable[[], SplitModel]) -> None:
    assert van_trees_mse(build(), prior()) is None


def test_derivatives_that_take_too_long_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(van_trees, "MAX_MACS", 1e3)

    assert van_trees_mse(model(nn.Conv2d(1, 2, 3)), prior()) is None


def test_noise_that_differs_between_numbers_has_no_bound() -> None:
    directions = torch.linalg.qr(torch.randn(SIDE * SIDE, 5)).Q
    uneven = ShapedNoise(directions, torch.full((5,), 0.01), 0.1)
    protected = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(), ir_channel=uneven)

    assert van_trees_mse(protected, prior()) is None
    assert van_trees_mse(model(nn.Flatten()), prior()) is not None


class Threshold(nn.Module):
    """Tell which pixels are bright, which has no derivative."""

    def forward(self, value: Tensor) -> Tensor:
        return (value > 0.5).float()


class Constant(nn.Module):
    """Send the same numbers for all images."""

    def forward(self, value: Tensor) -> Tensor:
        return torch.ones(len(value), 4)


class Detached(NoiseChannel):
    """Publish a density that has no derivative."""

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor | None:
        density = super().log_density(value, sent)
        return None if density is None else density.detach()


def test_a_client_without_derivatives_has_no_bound_unless_it_sends_nothing() -> None:
    world = prior()

    assert van_trees_mse(model(Threshold()), world) is None
    assert van_trees_mse(model(Constant()), world) == pytest.approx(0.003)


def test_a_density_without_derivatives_gives_no_bound() -> None:
    channel = Detached(noise="gaussian", sigma=0.05, clip=None)
    protected = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(), ir_channel=channel)

    assert van_trees_mse(protected, prior()) is None
