"""AlexNet on three networks, the example of Neurosurgeon (Kang et al., ASPLOS 2017), against a calculation by hand.

The sizes of the layers are those that Krizhevsky, Sutskever and Hinton publish (NIPS 2012, section 3.5 and figure 2):
96, 256, 384, 384 and 256 kernels on maps of 55, 27, 13, 13 and 13 pixels, where two, four and five are divided into
two groups, then 4096, 4096 and 1000 neurons. No number below comes from the code under test.
"""

from dataclasses import dataclass

import pytest
import torch
from mia_bench.benchmark.interfaces import Normalize, Target
from mia_bench.benchmark.splits.devices import Device, NetworkLink, load_profile
from mia_bench.benchmark.splits.lines import Deployment, Line, baselines, line_of
from mia_bench.benchmark.splits.structure import Cut, count_cuts
from torch import nn

UPLOADED_BYTES = 152_000
"""The image that the paper sends in its experiment with all in the cloud."""
RATES = {"3g": (1.1, 2.0275), "lte": (5.85, 13.76), "wifi": (18.88, 54.97)}
"""Mbit/s up and down, as Neurosurgeon states them."""


@dataclass(frozen=True)
class Layer:
    """A layer by hand: name, operations, weights, numbers that it sends on."""

    name: str
    macs: int
    weights: int
    sent: int


BY_HAND = [
    Layer("conv1", 55 * 55 * 96 * 11 * 11 * 3, 96 * 11 * 11 * 3 + 96, 96 * 55 * 55),
    Layer("pool1", 0, 0, 96 * 27 * 27),
    Layer("conv2", 27 * 27 * 256 * 5 * 5 * 48, 256 * 5 * 5 * 48 + 256, 256 * 27 * 27),
    Layer("pool2", 0, 0, 256 * 13 * 13),
    Layer("conv3", 13 * 13 * 384 * 3 * 3 * 256, 384 * 3 * 3 * 256 + 384, 384 * 13 * 13),
    Layer("conv4", 13 * 13 * 384 * 3 * 3 * 192, 384 * 3 * 3 * 192 + 384, 384 * 13 * 13),
    Layer("conv5", 13 * 13 * 256 * 3 * 3 * 192, 256 * 3 * 3 * 192 + 256, 256 * 13 * 13),
    Layer("pool5", 0, 0, 256 * 6 * 6),
    Layer("fc6", 9216 * 4096, 9216 * 4096 + 4096, 4096),
    Layer("fc7", 4096 * 4096, 4096 * 4096 + 4096, 4096),
    Layer("fc8", 4096 * 1000, 4096 * 1000 + 1000, 1000),
]


def alexnet() -> nn.Sequential:
    """AlexNet as published, with its two groups, without activations, which are free in the model."""
    layers = nn.Sequential(
        *[nn.Conv2d(3, 96, 11, stride=4, padding=2), nn.MaxPool2d(3, 2)],
        *[nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.MaxPool2d(3, 2)],
        *[nn.Conv2d(256, 384, 3, padding=1), nn.Conv2d(384, 384, 3, padding=1, groups=2)],
        *[nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.MaxPool2d(3, 2)],
        *[nn.Sequential(nn.Flatten(), nn.Linear(9216, 4096)), nn.Linear(4096, 4096), nn.Linear(4096, 1000)],
    )
    named = nn.Sequential()
    for layer, by_hand in zip(layers, BY_HAND, strict=True):
        named.add_module(by_hand.name, layer)
    return named


@pytest.fixture(scope="module")
def cuts() -> list[Cut]:
    with torch.device("meta"):
        target = Target(Normalize(torch.zeros(3), torch.ones(3)), alexnet())
    return count_cuts(target, (3, 224, 224))


def lines(cuts: list[Cut], network: str) -> dict[str, float]:
    """The modelled latency in ms of each cut and baseline, without round trips, which the paper leaves out."""
    deployment = Deployment(
        device=load_profile(Device, "phone"),
        server=load_profile(Device, "server"),
        network=load_profile(NetworkLink, network).model_copy(update={"rtt_ms": 0.0}),
    )
    around = baselines(cuts, deployment, uploaded={"JPEG": UPLOADED_BYTES}, bytes_down=4000)
    return {line.split: ms(line) for line in [*(line_of(cut, deployment, bytes_down=4000) for cut in cuts), *around]}


def ms(line: Line) -> float:
    assert line.latency_ms_modelled is not None
    return line.latency_ms_modelled


def by_hand(network: str, last: int) -> float:
    """The latency in ms with the layers up to ``last`` at 10 GMAC/s and 14.9 GB/s, and the others at 119 GMAC/s."""
    up, down = RATES[network]
    device = sum(max(each.macs / 10e9, 4 * each.weights / 14.9e9) for each in BY_HAND[: last + 1])
    server = sum(each.macs for each in BY_HAND[last + 1 :]) / 119e9
    return 1000 * (device + 8 * 4 * BY_HAND[last].sent / (up * 1e6) + server + 8 * 4000 / (down * 1e6))


def test_operations_weights_and_sizes_are_the_published_ones(cuts: list[Cut]) -> None:
    assert sum(each.weights for each in BY_HAND) == 60_965_224  # the 60 million parameters of the paper
    assert sum(each.macs for each in BY_HAND) == 724_406_816
    assert [cut.ir_numbers for cut in cuts] == [each.sent for each in BY_HAND]
    totals = [(sum(x.macs for x in BY_HAND[: n + 1]), sum(x.weights for x in BY_HAND[: n + 1])) for n in range(11)]
    assert [(cut.client_macs, cut.client_params) for cut in cuts] == totals


@pytest.mark.parametrize("network", ["3g", "lte", "wifi"])
def test_every_latency_is_that_of_the_calculation_by_hand(network: str, cuts: list[Cut]) -> None:
    found = lines(cuts, network)

    assert [found[each.name] for each in BY_HAND] == pytest.approx([by_hand(network, n) for n in range(11)])


def test_the_whole_network_takes_on_the_device_what_the_paper_measured(cuts: list[Cut]) -> None:
    """The speed of the device is fitted to these 81 ms; its memory bandwidth is that of the data sheet."""
    assert lines(cuts, "wifi")["device"] == pytest.approx(81, rel=0.03)


@pytest.mark.parametrize("network", ["3g", "lte", "wifi"])
def test_the_best_cut_within_the_convolutions_is_behind_the_last_pooling(network: str, cuts: list[Cut]) -> None:
    convolutions = range(8)

    assert BY_HAND[min(convolutions, key=lambda last: by_hand(network, last))].name == "pool5"
    found = lines(cuts, network)
    assert min((BY_HAND[last].name for last in convolutions), key=lambda name: found[name]) == "pool5"


def test_the_cloud_wins_on_wifi_and_the_device_on_slower_networks(cuts: list[Cut]) -> None:
    found = {name: lines(cuts, name) for name in RATES}

    # 152 kB take 64 ms on Wi-Fi, 208 ms on LTE and 1105 ms on 3G, before the 6 ms of the server
    uploads = {name: 8 * UPLOADED_BYTES / up / 1000 for name, (up, _) in RATES.items()}
    for name, sending in uploads.items():
        expected = sending + 1000 * 724_406_816 / 119e9 + 8 * 4000 / RATES[name][1] / 1000
        assert found[name]["cloud (JPEG)"] == pytest.approx(expected)
    assert found["wifi"]["cloud (JPEG)"] < found["wifi"]["device"] < found["lte"]["cloud (JPEG)"]
    assert found["3g"]["cloud (JPEG)"] > 10 * found["3g"]["device"]


def test_on_wifi_the_cut_behind_the_last_pooling_is_as_fast_as_the_device(cuts: list[Cut]) -> None:
    found = lines(cuts, "wifi")

    assert found["pool5"] == pytest.approx(found["device"], rel=0.05)
