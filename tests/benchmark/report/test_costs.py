"""Modelled costs of the settings of a board, by hand."""

from dataclasses import replace

import pytest
from mia_bench.benchmark.report.costs import modelled
from mia_bench.benchmark.splits.devices import Device, NetworkLink
from mia_bench.benchmark.splits.lines import Deployment

from ...helpers.boards import cell

NETWORK = NetworkLink(uplink_mbit_per_s=8, downlink_mbit_per_s=8, rtt_ms=10, radio_up_mw_per_mbit_per_s=100,
                  radio_down_mw_per_mbit_per_s=0, radio_base_mw=200)  # fmt: skip
DEPLOYMENT = Deployment(
    device=Device(gmacs_per_s=1, pj_per_mac=1000),
    server=Device(gmacs_per_s=10),
    network=NETWORK,
)
FACTS = {"client_macs": 10_000_000, "wire_bytes": 40_000.0, "bytes_down": 1000, "rounds": 3, "server_ms": 7.0}


def test_latency_and_energy_are_those_by_hand() -> None:
    record = cell("tee", "{}", "ridge", 20.0, **FACTS)
    record = record.model_copy(update={"details": {"client_overhead_ms": 5.0}})

    found = modelled([record.row], {record.row.cell_id: record}, DEPLOYMENT)

    # 10 MMAC at 1 GMAC/s, 5 ms of the defense, 40 kB and 1 kB at 8 Mbit/s, three round trips, 7 ms of the server
    assert found["latency_ms"] == pytest.approx(10 + 5 + 40 + 1 + 30 + 7)
    # 15 ms at 1 GMAC/s of 1 nJ; (100 * 8 + 200) mW for 40 ms and 200 mW for 1 ms
    assert found["energy_mj"] == pytest.approx(15 + 40 + 0.2)


def test_further_layers_on_the_device_count_once() -> None:
    record = cell("deeper_client", "{}", "ridge", 20.0, **FACTS)
    old, new = ({"client_overhead_ms": 5.0}, {"client_overhead_ms": 5.0, "client_added_ms": 1.0})

    def latency(details: dict[str, float], plain_macs: int) -> float:
        found = record.model_copy(update={"details": details})
        return modelled([record.row], {record.row.cell_id: found}, DEPLOYMENT, plain_macs)["latency_ms"]

    alone = latency({}, 4_000_000)
    assert latency(new, 4_000_000) == pytest.approx(alone + 1)
    assert latency(old, 4_000_000) == pytest.approx(alone)
    assert latency(old, 10_000_000) == pytest.approx(alone + 5)


def test_operations_of_a_channel_whose_time_was_measured_count_once() -> None:
    record = cell("lowpass", "{}", "ridge", 20.0, **FACTS)
    plain, channel = ({"client_added_ms": 5.0}, {"client_added_ms": 5.0, "channel_macs": 4e6})

    def costs(details: dict[str, float], macs: int) -> dict[str, float]:
        row = record.row.model_copy(update={"client_macs": macs})
        found = record.model_copy(update={"row": row, "details": details})
        return modelled([row], {row.cell_id: found}, DEPLOYMENT)

    assert costs(channel, 14_000_000) == costs(plain, 10_000_000)


def test_energy_is_left_out_if_the_device_does_not_tell_it() -> None:
    row = cell("tee", "{}", "ridge", 20.0, **FACTS).row

    assert set(modelled([row], {}, replace(DEPLOYMENT, device=Device(gmacs_per_s=1)))) == {"latency_ms"}
