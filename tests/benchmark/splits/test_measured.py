"""Costs of cuts joined with what cells have measured."""

import pytest
from mia_bench.benchmark.splits.devices import Device, Network
from mia_bench.benchmark.splits.lines import Place
from mia_bench.benchmark.splits.measured import Sent, join
from mia_bench.benchmark.splits.structure import Cut

from ...helpers.boards import cell

NETWORK = Network(uplink_mbit_per_s=8, downlink_mbit_per_s=8)
PLACE = Place(device=Device(gmacs_per_s=1), server=Device(gmacs_per_s=10), network=NETWORK)
CUT = Cut("conv1", (4, 5, 5), 0, 0, 0, ((10_000_000, 0),), ())
FACTS = {"split": "conv1", "client_macs": 10_000_000, "wire_bytes": 400.0, "bytes_down": 40, "rounds": 1}


@pytest.mark.parametrize(("server_ms", "more"), [(40.0, 0.0), (900.0, 880.0)])
def test_what_a_defense_adds_on_the_server_counts_only_beyond_the_load_of_the_machine(
    server_ms: float, more: float
) -> None:
    records = [
        cell("undefended", "{}", "ridge", 20.0, server_ms=20.0, **FACTS),
        cell("ckks", "{}", "ridge", 12.0, server_ms=server_ms, **FACTS),
    ]
    by_cell = {each.row.cell_id: each for each in records}

    plain, defended = join([CUT], [("undefended", "{}"), ("ckks", "{}")], by_cell, PLACE, bytes_down=40)

    assert plain.latency_ms_modelled is not None
    assert defended.latency_ms_modelled == pytest.approx(plain.latency_ms_modelled + more)


def test_what_is_sent_is_taken_from_the_preview_until_a_cell_is_done() -> None:
    sent = Sent(wire_bytes=100, bytes_down=40, rounds=2, client_macs=20_000_000, client_params=7, client_param_bytes=28)

    (line,) = join([CUT], [("topk", "{}")], {}, PLACE, bytes_down=40, sent={("conv1", "topk", "{}"): sent})

    assert (line.wire_kb, line.rounds, line.client_params) == (0.1, 2, 7)
    assert line.latency_ms_modelled == pytest.approx(20 + 0.1 + 0.04)
    assert line.psnr_db is None
