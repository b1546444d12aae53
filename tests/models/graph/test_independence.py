"""A network whose outputs for one image depend on the other images is refused."""

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.models._graph import linearize, require_independence
from torch import Tensor, nn

IMAGE = (3, 8, 8)


class Centering(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        return (maps - maps.mean(0, keepdim=True)).square().mean((2, 3))


class Squeezing(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3), keepdim=True).squeeze()


def normalizing() -> nn.Module:
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    return nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))


@pytest.mark.parametrize("network", [Centering(), normalizing()], ids=["mean", "batch norm"])
def test_outputs_that_depend_on_the_other_images_are_refused(network: nn.Module) -> None:
    with pytest.raises(UsageError, match="do not depend on the images beside it, got others from"):
        require_independence(linearize(network, IMAGE), IMAGE, "it")


def test_a_network_that_drops_the_dimension_of_a_single_image_is_refused() -> None:
    with pytest.raises(UsageError, match=r"Expected outputs \(1, ...\) for 1 image, got \(3,\) from Squeezing"):
        require_independence(linearize(Squeezing(), IMAGE), IMAGE, "Squeezing")
