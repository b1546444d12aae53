"""Costs of cuts joined with what cells have measured."""

from dataclasses import replace
from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.splits.defended_cut import as_defended
from mia_bench.benchmark.splits.devices import Device, NetworkLink
from mia_bench.benchmark.splits.expected import Sent
from mia_bench.benchmark.splits.lines import Deployment, Line, line_of
from mia_bench.benchmark.splits.measured import join
from mia_bench.benchmark.splits.structure import Cut, Stage

from ...helpers.boards import cell

NETWORK = NetworkLink(uplink_mbit_per_s=8, downlink_mbit_per_s=8)
DEPLOYMENT = Deployment(device=Device(gmacs_per_s=1), server=Device(gmacs_per_s=10), network=NETWORK)
CUT = Cut("conv1", (4, 5, 5), 0, 0, 0, (Stage(10_000_000, 0),), (), 0)
TOPK = ("conv1", "topk", "{}")
FACTS = {"split": "conv1", "client_macs": 10_000_000, "wire_bytes": 400.0, "bytes_down": 40, "rounds": 1}


def with_row(record: Record, **facts: Any) -> Record:
    return record.model_copy(update={"row": record.row.model_copy(update=facts)})


@pytest.mark.parametrize(("server_ms", "more"), [(40.0, 0.0), (900.0, 880.0)])
def test_what_a_defense_adds_on_the_server_counts_only_beyond_the_load_of_the_machine(
    server_ms: float, more: float
) -> None:
    records = [
        cell("undefended", "{}", "ridge", 20.0, server_ms=20.0, **FACTS),
        cell("ckks", "{}", "ridge", 12.0, server_ms=server_ms, **FACTS),
    ]
    by_cell = {each.row.cell_id: each for each in records}

    cells = {("conv1", each.row.defense, "{}"): [each.row.cell_id] for each in records}
    plain, defended = join([CUT], cells, by_cell, DEPLOYMENT, bytes_down=40)

    assert plain.latency_ms_modelled is not None
    assert defended.latency_ms_modelled == pytest.approx(plain.latency_ms_modelled + more)


def test_what_is_sent_is_taken_from_the_preview_until_a_cell_is_done() -> None:
    sent = Sent(
        wire_bytes=100,
        bytes_down=40,
        rounds=2,
        client_macs=20_000_000,
        client_params=7,
        client_param_bytes=28,
        client_peak_bytes=3000,
    )

    (line,) = join([CUT], {TOPK: ["1"]}, {}, DEPLOYMENT, bytes_down=40, sent={TOPK: sent})

    assert (line.wire_kb, line.rounds, line.client_params, line.client_peak_kb) == (0.1, 2, 7, 3.0)
    assert line.latency_ms_modelled == pytest.approx(20 + 0.1 + 0.04)
    assert line.psnr_db is None


@pytest.mark.parametrize(
    ("macs", "size", "milliseconds"), [(5_000_000, 1_000_000, 5.0), (5_000_000, 20_000_000, 20.0), (0, 0, 0.0)]
)
def test_a_pruned_client_takes_the_time_of_what_is_left_of_it(macs: int, size: int, milliseconds: float) -> None:
    whole = replace(CUT, client_param_bytes=40_000_000, client_stages=(Stage(10_000_000, 40_000_000),))
    device = Device(gmacs_per_s=1, memory_gbyte_per_s=1)
    sent = Sent(
        wire_bytes=100,
        bytes_down=40,
        rounds=1,
        client_macs=macs,
        client_params=7,
        client_param_bytes=size,
        client_peak_bytes=3000,
    )

    (line,) = join([whole], {TOPK: ["1"]}, {}, replace(DEPLOYMENT, device=device), bytes_down=40, sent={TOPK: sent})

    assert line.client_ms_modelled == pytest.approx(milliseconds)


def test_nothing_that_a_defense_may_change_is_filled_in_before_it_is_known() -> None:
    (line,) = join([CUT], {TOPK: ["1"]}, {}, DEPLOYMENT, bytes_down=40)

    known = {name for name, value in vars(line).items() if value not in (None, "", False)}
    assert known == {"split", "defense", "ir_shape", "wire_kb_float32", "wire_kb_int8"}


@pytest.mark.parametrize(("done", "incomplete"), [(1, True), (2, False)])
def test_a_line_is_incomplete_until_all_its_attacks_are_done(done: int, incomplete: bool) -> None:
    records = [cell("topk", "{}", "mean_image", 11.0, **FACTS), cell("topk", "{}", "ridge", 30.0, **FACTS)]
    ids = [each.row.cell_id for each in records]

    (line,) = join([CUT], {TOPK: ids}, dict(zip(ids[:done], records, strict=False)), DEPLOYMENT, bytes_down=40)

    assert line.incomplete is incomplete
    assert line.psnr_db == (11.0 if incomplete else 30.0)


def test_a_failed_attack_leaves_its_line_incomplete_and_an_inapplicable_one_does_not() -> None:
    scored = cell("topk", "{}", "ridge", 30.0, **FACTS)
    for status, incomplete in (("failed", True), ("inapplicable", False)):
        other = cell("topk", "{}", "pinv", None, **FACTS)
        other = with_row(other, status=status)
        by_cell = {each.row.cell_id: each for each in (scored, other)}

        (line,) = join([CUT], {TOPK: [*by_cell]}, by_cell, DEPLOYMENT, bytes_down=40)

        assert line.incomplete is incomplete


def test_a_defense_that_cannot_be_applied_has_a_line_with_the_reason() -> None:
    record = cell("topk", "{}", "ridge", None, **FACTS)
    record = with_row(record, status="inapplicable", reason="No layer is left.")

    (line,) = join([CUT], {TOPK: [record.row.cell_id]}, {record.row.cell_id: record}, DEPLOYMENT, bytes_down=40)

    assert line.reason == "No layer is left."
    assert (line.wire_kb, line.psnr_db, line.leak_known) == (None, None, False)


def test_times_of_several_cells_count_by_the_fastest() -> None:
    records = [cell("topk", "{}", name, 20.0, client_ms=ms, **FACTS) for name, ms in (("ridge", 4.0), ("pinv", 9.0))]
    by_cell = {each.row.cell_id: each for each in records}

    (line,) = join([CUT], {TOPK: [*by_cell]}, by_cell, DEPLOYMENT, bytes_down=40)

    assert line.client_ms == 4.0


def defended(details: dict[str, float], **facts: Any) -> Record:
    record = cell("deeper_client", "{}", "ridge", 20.0, **(FACTS | facts))
    return record.model_copy(update={"details": details})


def joined(record: Record, network: list[Cut], device: Device) -> Line:
    deployment, ids = replace(DEPLOYMENT, device=device), {("conv1", "deeper_client", "{}"): [record.row.cell_id]}
    (line,) = join(network[:1], ids, {record.row.cell_id: record}, deployment, bytes_down=40, network=network)
    return line


CONV, FC = Stage(10_000_000, 0), Stage(1_000_000, 20_000_000)
TAIL = Stage(3_000_000, 0)
NETWORK_CUTS = [
    Cut("conv1", (4, 5, 5), 0, 0, 0, (CONV,), (FC, TAIL), 20_000_000),
    Cut("fc1", (4, 5, 5), 0, 20_000_000, 0, (CONV, FC), (TAIL,), 0),
]


@pytest.mark.parametrize("details", [{"client_overhead_ms": 30.0}, {"client_overhead_ms": 30.0, "client_added_ms": 0}])
def test_layers_that_move_to_the_device_take_the_time_of_the_deeper_cut(details: dict[str, float]) -> None:
    device = Device(gmacs_per_s=1, memory_gbyte_per_s=1)
    deeper = defended(details, client_macs=11_000_000, client_param_bytes=20_000_000)

    line = joined(deeper, NETWORK_CUTS, device)
    at_fc1 = line_of(NETWORK_CUTS[1], replace(DEPLOYMENT, device=device), bytes_down=40)

    assert line.client_ms_modelled == at_fc1.client_ms_modelled == pytest.approx(10 + 20)
    assert line.latency_ms_modelled == at_fc1.latency_ms_modelled


def test_what_a_channel_computes_takes_the_time_that_was_measured_and_counts_once() -> None:
    device = Device(gmacs_per_s=1, pj_per_mac=1000)
    plain = joined(defended({"client_added_ms": 5.0}), NETWORK_CUTS, device)
    filtering = defended({"client_added_ms": 5.0, "channel_macs": 6_000_000}, client_macs=16_000_000)

    line = joined(filtering, NETWORK_CUTS, device)

    assert line.client_mmacs == 16
    assert line.latency_ms_modelled == plain.latency_ms_modelled
    assert line.client_ms_modelled == plain.client_ms_modelled == pytest.approx(10 + 5)
    assert line.energy_mj_modelled == plain.energy_mj_modelled


@pytest.mark.parametrize(
    ("macs", "server_ms", "seconds"), [(8_000_000, 1.0, 0.0008), (4_000_000, 0.1, 0.0004), (1_000_000, 0.1, 0.0001)]
)
def test_the_server_takes_the_time_of_what_it_computes(macs: int, server_ms: float, seconds: float) -> None:
    record = defended({"server_macs": macs, "server_param_bytes": 20_000_000}, server_ms=server_ms)
    line = joined(record, NETWORK_CUTS, DEPLOYMENT.device)
    other = joined(defended({}), NETWORK_CUTS, DEPLOYMENT.device)

    assert line.latency_ms_modelled is not None
    assert other.latency_ms_modelled is not None
    assert line.latency_ms_modelled - other.latency_ms_modelled == pytest.approx(1000 * seconds - 0.4)


def test_a_measured_server_is_compared_with_the_operations_that_it_has() -> None:
    plain = cell("undefended", "{}", "ridge", 20.0, server_ms=20.0, **FACTS)
    many = defended({"server_macs": 40_000_000, "server_param_bytes": 0}, server_ms=200.0)
    by_cell = {each.row.cell_id: each for each in (plain, many)}
    cells = {("conv1", each.row.defense, "{}"): [each.row.cell_id] for each in (plain, many)}

    alone, line = join(NETWORK_CUTS[:1], cells, by_cell, DEPLOYMENT, bytes_down=40)

    assert alone.latency_ms_modelled is not None
    assert line.latency_ms_modelled == pytest.approx(alone.latency_ms_modelled + 3.6)  # ten times 4 MMAC at 10 GMAC/s


def test_a_defense_that_prunes_a_stage_leaves_its_operations_and_one_that_removes_it_none() -> None:
    stage = Stage(1000, 40, (), operations=3, moved_bytes=800)
    cut = Cut("conv1", (4, 5, 5), 10, 40, 0, (stage,), (Stage(0, 0, (), operations=2, moved_bytes=60),), 0)

    pruned = as_defended(cut, [cut], client=(500, 20), server=(0, 0))
    removed = as_defended(cut, [cut], client=(0, 0), server=None)

    assert pruned.client_stages[0] == Stage(500, 20, (), operations=3, moved_bytes=400)
    assert pruned.server_stages[0] == cut.server_stages[0]
    assert removed.client_stages[0] == Stage(0, 0)
