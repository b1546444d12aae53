"""A small learnable problem, and a network that has learned it."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.interfaces import ImageSet, Normalize, Observation, SplitModel, Target
from mia_bench.benchmark.metrics import accuracy, psnr
from mia_bench.benchmark.training import fit
from mia_bench.benchmark.utils.seeding import seeded
from mia_bench.models.lenet5 import Lenet5
from torch.nn import functional

from ..helpers.quadrants import bright_quadrants

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded():
    with seeded("tests of the defenses"):
        yield


@pytest.fixture(scope="session")
def train() -> ImageSet:
    with seeded("train"):
        return bright_quadrants(torch.randint(0, 4, (1024,)))


@pytest.fixture(scope="session")
def private() -> ImageSet:
    with seeded("private"):
        return bright_quadrants(torch.randint(0, 4, (512,)))


@pytest.fixture(scope="session")
def target(train: ImageSet) -> Target:
    with seeded("target"):
        target = Target(Normalize(torch.tensor([0.4]), torch.tensor([0.2])), Lenet5().build((1, 16, 16), 4))
        fit(
            target.parameters(),
            lambda batch: functional.cross_entropy(target(train.images[batch]), train.labels[batch]),
            count=len(train),
            epochs=6,
            batch_size=64,
            learning_rate=4e-3,
        )
    return target.eval()


@pytest.fixture
def model(target: Target) -> SplitModel:
    return target.split("relu1").copy()


@pytest.fixture
def color_target() -> Target:
    """An untrained network for color images."""
    return Target(Normalize(torch.full((3,), 0.4), torch.full((3,), 0.2)), Lenet5().build((3, 16, 16), 4)).eval()


@pytest.fixture
def judged(train: ImageSet, private: ImageSet) -> Callable[[SplitModel], tuple[float, float]]:
    """The accuracy of a protected model on noisy images, and the PSNR of a linear decoder fitted to its wires."""
    with seeded("noisy images"):
        noisy = (private.images + 0.5 * torch.randn_like(private.images)).clamp(0, 1)

    def judge(model: SplitModel) -> tuple[float, float]:
        right = accuracy(model.classify(noisy), private.labels)
        under_attack = private.images[:64]
        seen = Observation(
            wire=model.send(under_attack), aux=train, classes=4, channel=model.ir_channel, query=model.send
        )
        return right, psnr(Ridge(form="dense").reconstruct(seen), under_attack).mean().item()

    return judge
