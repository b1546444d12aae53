"""Costs of cuts from the structure of a network."""

from collections import OrderedDict

import pytest
import torch
from mia_bench.benchmark.interfaces import Normalize, Target
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.benchmark.splits.structure import count_cuts, encoded_bytes, uploaded_bytes
from torch import nn
from torchvision.ops import FrozenBatchNorm2d


def target() -> Target:
    layers = nn.Sequential(
        OrderedDict(conv1=nn.Conv2d(1, 4, 3, padding=1), relu1=nn.ReLU(), flat=nn.Flatten(), fc1=nn.Linear(256, 10))
    )
    return Target(Normalize(torch.zeros(1), torch.ones(1)), layers).eval()


class Cast(nn.Module):
    """Change the type of numbers."""

    def __init__(self, kind: torch.dtype) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value.to(self.kind)


def typed(*kinds: torch.dtype) -> Target:
    """A network whose layers give numbers of these types."""
    return Target(Normalize(torch.zeros(1), torch.ones(1)), nn.Sequential(*map(Cast, kinds))).eval()


class Frozen(nn.Module):
    """Convolve with weights that are no parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.rand(4, 1, 3, 3))

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(value, self.get_buffer("kernel"), padding=1)


def frozen() -> Target:
    layers = OrderedDict(convolved=Frozen(), normalized=FrozenBatchNorm2d(4), flat=nn.Flatten(), fc1=nn.Linear(256, 10))
    return Target(Normalize(torch.zeros(1), torch.ones(1)), nn.Sequential(layers)).eval()


def test_weights_that_are_held_as_buffers_cost_what_parameters_cost() -> None:
    cuts = count_cuts(frozen(), (1, 8, 8))

    assert [cut.client_params for cut in cuts] == [36, 44, 44, 44 + 2570]
    assert [stage.weight_bytes for stage in cuts[0].client_stages] == [0, 4 * 36]
    assert [cut.server_param_bytes for cut in cuts] == [4 * (8 + 2570), 4 * 2570, 4 * 2570, 0]


@pytest.mark.parametrize("network", [target(), frozen(), typed(torch.bfloat16, torch.float64, torch.complex64)])
def test_counts_of_each_cut_are_those_of_a_client_that_is_cut_there(network: Target) -> None:
    for cut in (cuts := count_cuts(network, (1, 8, 8))):
        costs = measure_costs(network.split(cut.split), torch.zeros(1, 1, 8, 8))
        assert (cut.client_macs, cut.client_params) == (costs.client_macs, costs.client_params)
        assert (cut.client_param_bytes, cut.client_peak_bytes) == (costs.client_param_bytes, costs.client_peak_bytes)
        assert (cut.ir_bytes, cuts[-1].ir_bytes) == (costs.wire_bytes, costs.bytes_down)


def test_what_the_device_and_the_server_compute_is_the_whole_network() -> None:
    totals = {cut.client_macs + sum(macs for macs, *_ in cut.server_stages) for cut in count_cuts(target(), (1, 8, 8))}

    assert totals == {64 * 9 * 4 + 2560}


def test_a_noisy_image_takes_more_bytes_than_a_gray_one() -> None:
    noise, gray = torch.rand(2, 3, 32, 32), torch.full((2, 3, 32, 32), 0.5)

    assert encoded_bytes(noise, "PNG") > 3 * 32 * 32 > encoded_bytes(noise, "JPEG") > encoded_bytes(gray, "JPEG")


def test_only_images_of_8_bits_are_sent_as_files() -> None:
    levels = torch.randint(0, 256, (3, 3, 8, 8))

    for images in (levels / 255, levels * torch.tensor(1 / 255), (levels.double() / 255).float()):
        assert uploaded_bytes(images) == {kind: encoded_bytes(images, kind) for kind in ("PNG", "JPEG")}
    for finer in (torch.randint(0, 5000, (3, 1, 8, 16)) / 4999, levels[:, :1] / 254, levels[:, :1].clamp(max=99) / 99):
        assert uploaded_bytes(finer) == {"float32": 4.0 * finer[0].numel()}


def test_every_channel_counts_in_the_bytes_of_files() -> None:
    noise = torch.rand(2, 5, 32, 32)

    for kind in ("PNG", "JPEG"):
        alone = [encoded_bytes(noise[:, [channel]], kind) for channel in range(5)]
        for channels in (2, 4, 5):
            assert encoded_bytes(noise[:, :channels], kind) == sum(alone[:channels])
