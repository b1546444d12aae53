"""Profiles of devices and networks."""

from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.splits.devices import Device, NetworkLink, load_profile
from mia_bench.benchmark.splits.structure import Stage

NETWORKS, DEVICES = ("3g", "lte", "wifi"), ("phone", "microcontroller", "server")


@pytest.mark.parametrize("name", NETWORKS)
def test_built_in_networks_name_their_source(name: str) -> None:
    assert "MobiSys 2012" in load_profile(NetworkLink, name).source


@pytest.mark.parametrize(("kind", "name"), [*((NetworkLink, x) for x in NETWORKS), *((Device, x) for x in DEVICES)])
def test_the_page_has_the_figures_and_the_source_of_every_profile(kind: type[Device | NetworkLink], name: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "guides" / "choose-a-split.md").read_text()
    profile = load_profile(kind, name)

    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    assert row.endswith(f"| {profile.source} |")
    figures = ("uplink_mbit_per_s", "downlink_mbit_per_s", "rtt_ms") if kind is NetworkLink else ("gmacs_per_s",)
    assert all(f"{getattr(profile, figure):g} " in row for figure in figures)


@pytest.mark.parametrize("name", ["LTE", "WiFi", "Wi-Fi"])
def test_the_case_of_the_name_of_a_profile_does_not_matter(name: str) -> None:
    assert load_profile(NetworkLink, name).uplink_mbit_per_s in (5.85, 18.88)


@pytest.mark.parametrize("name", DEVICES)
def test_built_in_devices_name_their_source(name: str) -> None:
    assert load_profile(Device, name).source


def test_time_and_energy_of_the_radio_are_those_by_hand() -> None:
    network = NetworkLink(uplink_mbit_per_s=8, downlink_mbit_per_s=16, rtt_ms=10, radio_up_mw_per_mbit_per_s=100,
                      radio_down_mw_per_mbit_per_s=50, radio_base_mw=200)  # fmt: skip

    assert network.seconds(up=1e6, down=1e6, rounds=3) == pytest.approx(1 + 0.5 + 0.03)
    assert network.joules(up=1e6, down=1e6) == pytest.approx((800 + 200) / 1000 * 1 + (800 + 200) / 1000 * 0.5)


def test_energy_is_unknown_without_the_figures_of_the_device_or_the_radio() -> None:
    network = NetworkLink(uplink_mbit_per_s=8, downlink_mbit_per_s=16)

    assert Device(gmacs_per_s=10).joules(1e9) is None
    assert Device(gmacs_per_s=10, pj_per_mac=1000).joules(1e9, 0.1) == pytest.approx(1 + 1)
    assert network.joules(up=1, down=0) is None
    assert network.joules(up=0, down=0) == 0


def test_a_stage_takes_as_long_as_its_operations_or_its_weights() -> None:
    device = Device(gmacs_per_s=10, memory_gbyte_per_s=1)

    assert device.seconds([Stage(10**10, 1), Stage(1, 2 * 10**9)]) == pytest.approx(1 + 2)


def test_the_start_of_operations_and_their_activations_take_time_if_the_profile_has_it() -> None:
    stage = Stage(10**9, 4, (), operations=1000, moved_bytes=2 * 10**9)
    whole = Device(gmacs_per_s=10, us_per_operation=50, activation_gbyte_per_s=8)

    assert Device(gmacs_per_s=10).seconds([stage]) == pytest.approx(0.1)
    assert whole.seconds([stage]) == pytest.approx(0.1 + 1000 * 50e-6 + 2 / 8)


def test_layers_have_the_speed_of_their_type() -> None:
    device = Device(gmacs_per_s=10, gmacs_per_s_by_layer={"depthwise_convolution": 1})
    stage = Stage(3 * 10**9, 1, (("convolution", 10**9), ("depthwise_convolution", 10**9)))

    assert device.seconds([stage]) == pytest.approx(0.2 + 1)
    assert Device(gmacs_per_s=10).seconds([stage]) == pytest.approx(0.3)


@pytest.mark.parametrize("table", [{"pooling": 1.0}, {"linear": 0.0}, {"linear": "fast"}, 3])
def test_a_table_of_speeds_with_another_layer_or_value_is_refused(table: Any) -> None:
    with pytest.raises(
        UsageError, match="Expected gmacs_per_s_by_layer to be a table of numbers of at least 1e-06 with names"
    ):
        Device(gmacs_per_s=10, gmacs_per_s_by_layer=table)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gmacs_per_s = 1e-300", "Expected gmacs_per_s to be a number of at least 1e-06, got 1e-300."),
        ("gmacs_per_s = -1", "Expected gmacs_per_s to be a number of at least 1e-06, got -1."),
        ("gmacs = 1", "Expected one of gmacs_per_s, .* got 'gmacs'. Did you mean 'gmacs_per_s'"),
        ("", "Expected gmacs_per_s to be a number of at least 1e-06, got none. Add it."),
        ("gmacs_per_s = '5'", "Expected gmacs_per_s to be a number of at least 1e-06, got '5'."),
        ("gmacs_per_s = true", "Expected gmacs_per_s to be a number of at least 1e-06, got True."),
        ("gmacs_per_s = 1,5", "It is not TOML"),
        ("gmacs_per_s = 1\nspeed = 2", "Expected one of gmacs_per_s, .* got 'speed'"),
        ("gmacs_per_s", "mine"),
    ],
)
def test_a_wrong_file_is_refused_with_its_path(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)

    with pytest.raises(UsageError, match=sentence) as error:
        load_profile(Device, str(path))
    assert str(path) in str(error.value)


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"one of 3g, lte, wifi or the path of a \.toml file, got '5g'"):
        load_profile(NetworkLink, "5g")
