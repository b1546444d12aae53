"""AlexNet on three networks, the example of Neurosurgeon (Kang et al., ASPLOS 2017), from operations and bytes."""

import pytest
import torch
from mia_bench.benchmark.interfaces import Normalize, Target
from mia_bench.benchmark.splits.devices import Device, Network, load_profile
from mia_bench.benchmark.splits.lines import Line, Place, baselines, line_of
from mia_bench.benchmark.splits.structure import Cut, count_cuts
from torch import nn
from torchvision.models import alexnet

UPLOADED_BYTES = 152_000
"""The image that the paper sends in its experiment with all in the cloud."""


@pytest.fixture(scope="module")
def cuts() -> list[Cut]:
    with torch.device("meta"):
        network = alexnet().eval()
        normalize = Normalize(torch.zeros(3), torch.ones(3))
    stages = [*network.features.named_children()]
    layers = nn.Sequential()
    for name, stage in stages:
        layers.add_module(f"features{name}", stage)
    layers.add_module("flat", nn.Flatten())
    for name, stage in network.classifier.named_children():
        layers.add_module(f"classifier{name}", stage)
    return count_cuts(Target(normalize, layers), (3, 224, 224))


def lines(cuts: list[Cut], network: str) -> dict[str, Line]:
    place = Place(
        device=load_profile(Device, "phone"),
        server=load_profile(Device, "server"),
        network=load_profile(Network, network).model_copy(update={"rtt_ms": 0.0}),
    )
    around = baselines(cuts, place, encoded={"JPEG": UPLOADED_BYTES}, bytes_down=4000)
    return {line.split: line for line in [*(line_of(cut, place, bytes_down=4000) for cut in cuts), *around]}


def ms(line: Line) -> float:
    assert line.latency_ms_modelled is not None
    return line.latency_ms_modelled


def test_operations_and_weights_are_those_of_alexnet(cuts: list[Cut]) -> None:
    assert cuts[-1].client_macs / 1e9 == pytest.approx(0.714, rel=0.01)
    assert cuts[-1].client_params == 61_100_840


def test_the_whole_network_takes_on_the_device_what_the_paper_measured(cuts: list[Cut]) -> None:
    assert ms(lines(cuts, "wifi")["device"]) == pytest.approx(81, rel=0.03)


@pytest.mark.parametrize("network", ["3g", "lte", "wifi"])
def test_the_best_cut_within_the_network_is_behind_the_last_pooling(network: str, cuts: list[Cut]) -> None:
    inner = {
        name: ms(line) for name, line in lines(cuts, network).items() if name.startswith("features") and name != "flat"
    }

    assert min(inner, key=lambda name: inner[name]) == "features12"


def test_the_cloud_wins_on_wifi_and_the_device_on_slower_networks(cuts: list[Cut]) -> None:
    found = {name: lines(cuts, name) for name in ("3g", "lte", "wifi")}

    assert ms(found["wifi"]["cloud (JPEG)"]) < ms(found["wifi"]["device"]) < ms(found["lte"]["cloud (JPEG)"])
    assert ms(found["3g"]["cloud (JPEG)"]) > 10 * ms(found["3g"]["device"])


def test_on_wifi_the_cut_behind_the_last_pooling_is_as_fast_as_the_device(cuts: list[Cut]) -> None:
    found = lines(cuts, "wifi")

    assert ms(found["features12"]) == pytest.approx(ms(found["device"]), rel=0.05)
    assert ms(found["features12"]) < ms(found["classifier1"])
