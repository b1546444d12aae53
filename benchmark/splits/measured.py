"""Join the costs of cuts with what finished cells have measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean

from ..leaderboard.completeness import is_scored
from ..leaderboard.ranking_uncertainty import leak_estimates, utility_estimate
from ..leaderboard.records import Record, Row
from ..leaderboard.worst_case import known_values, worst_case
from ..plan.references import REFERENCE_DEFENSE
from ..registry.labels import label
from .added import added_on_client, layer_macs
from .defended_cut import as_defended
from .expected import Sent, Spot, expected
from .lines import Deployment, Line, line_of, modelled
from .structure import Cut

NEGLIGIBLE_MS = 1.0
"""A defense that adds less than this on the server counts as adding nothing."""
LOAD_FACTOR = 3.0
"""So does one whose server takes at most this many times as long as the undefended one, which was timed at another
time: the load of the machine explains as much. Encryption adds far more."""


def join(
    cuts: Sequence[Cut],
    cells: Mapping[Spot, Sequence[str]],
    records: Mapping[str, Record],
    deployment: Deployment,
    *,
    bytes_down: float,
    sent: Mapping[Spot, Sent | str] | None = None,
    network: Sequence[Cut] = (),
) -> list[Line]:
    """Return one line for each cut and defense, in the order of the network.

    Args:
        cuts: The cuts, in their order.
        cells: The planned cells of each cut and defense, by their ids.
        records: The records of finished cells, by cell.
        deployment: The device, the network and the server.
        bytes_down: Bytes of the answer of an undefended server.
        sent: What defended clients send, or why a defense cannot be applied, as far as it is known before a cell is
            done.
        network: All cuts of the network, at one of which a defended client may end.
    """
    lines = []
    for cut in cuts:
        own = {spot: _done(ids, records) for spot, ids in cells.items() if spot[0] == cut.split}
        plain = next((_scored(found) for (_, name, _), found in own.items() if name == REFERENCE_DEFENSE), [])
        for spot, found in own.items():
            _, name, params = spot
            line = replace(
                line_of(cut, deployment, bytes_down=bytes_down), defense=label("defenses", name, json.loads(params))
            )
            if name != REFERENCE_DEFENSE:
                line = expected(line, cut, (sent or {}).get(spot), deployment, network)
            if rows := _scored(found):
                line = _filled(line, cut, rows, plain, records, deployment, network)
                lines.append(replace(line, incomplete=_lacks(cells[spot], found)))
            else:
                lines.append(_refused(line, cut, found, deployment))
    return lines


def _done(ids: Sequence[str], records: Mapping[str, Record]) -> list[Record]:
    return [records[each] for each in ids if each in records]


def _scored(found: Sequence[Record]) -> list[Row]:
    return [record.row for record in found if is_scored(record.row)]


def _lacks(planned: Sequence[str], found: Sequence[Record]) -> bool:
    """Return whether an attack is still to come or failed. One that does not apply is not lacking."""
    settled = [each for each in found if is_scored(each.row) or each.row.status == "inapplicable"]
    return len(settled) < len(planned)


def _refused(line: Line, cut: Cut, found: Sequence[Record], deployment: Deployment) -> Line:
    """Return the line with the reason why all its cells ended without scores, if they did."""
    if not found:
        return line
    row = found[0].row
    reason = row.reason or ""
    empty = line if row.defense == REFERENCE_DEFENSE else expected(line, cut, None, deployment)
    return replace(empty, reason=reason if row.status == "inapplicable" else f"{row.status}: {reason}")


def _filled(
    line: Line,
    cut: Cut,
    rows: list[Row],
    plain: list[Row],
    records: Mapping[str, Record],
    deployment: Deployment,
    network: Sequence[Cut],
) -> Line:
    leak = worst_case(rows, records, complete=True)
    estimate = leak_estimates(rows, records, complete=True)["psnr_db"]
    first = rows[0]
    line = replace(
        line,
        client_params=first.client_params,
        client_param_kb=_thousandth(first.client_param_bytes),
        client_peak_kb=_thousandth(first.client_peak_bytes),
        client_mmacs=(first.client_macs or 0) / 1e6,
        wire_kb=_thousandth(_mean(rows, "wire_bytes")),
        bytes_down=_mean(rows, "bytes_down"),
        rounds=first.rounds,
        client_ms=_least(rows, "client_ms"),
        utility=_mean(rows, "utility"),
        psnr_db=leak["psnr_db"],
        psnr_db_low=estimate.low,
        psnr_db_high=estimate.high,
        ssim=leak["ssim"],
        identified=max((row.identified for row in rows if row.identified is not None), default=None),
        leak_estimate=estimate,
        utility_estimate=utility_estimate(rows, records),
    )
    if first.defense == REFERENCE_DEFENSE:
        return modelled(line, cut, deployment)
    left = _left(cut, first, records[first.cell_id], network)
    times = sum(each.macs for each in left.server_stages) / max(1, sum(each.macs for each in cut.server_stages))
    client_ms, server_ms = added_on_client(rows, records, cut.client_macs), _added_on_server(rows, plain, times)
    return modelled(line, left, deployment, client_s=client_ms / 1000, server_s=server_ms / 1000)


def _left(cut: Cut, row: Row, record: Record, network: Sequence[Cut]) -> Cut:
    """Return the cut with the stages that the measured defense leaves on the device and on the server."""
    weights = cut.client_param_bytes if row.client_param_bytes is None else row.client_param_bytes
    macs, size = record.details.get("server_macs"), record.details.get("server_param_bytes")
    server = None if macs is None or size is None else (round(macs), round(size))
    return as_defended(cut, network, client=(layer_macs(row, record), weights), server=server)


def _added_on_server(rows: list[Row], plain: list[Row], times: float) -> float:
    """Return the milliseconds that a defense adds on the server, beyond what the load of the machine explains.

    Args:
        rows: The cells of the defense.
        plain: Those without a defense.
        times: How many times the operations of the undefended server its server has, which are counted already.
    """
    served, alone = _least(rows, "server_ms") or 0, max(1.0, times) * (_least(plain, "server_ms") or 0)
    return served - alone if plain and served > LOAD_FACTOR * alone + NEGLIGIBLE_MS else 0


def _mean(rows: Sequence[Row], column: str) -> float | None:
    return mean(known_values(rows, column)) if known_values(rows, column) else None


def _least(rows: Sequence[Row], column: str) -> float | None:
    """Return the lowest of several times of the same work: the load of a machine makes it slower, never faster."""
    return min(known_values(rows, column), default=None)


def _thousandth(value: float | None) -> float | None:
    return None if value is None else value / 1000
