"""Join the costs of cuts with what finished cells have measured."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from ..leaderboard.completeness import is_scored
from ..leaderboard.store import Record, Row
from ..leaderboard.worst_case import worst_case
from ..plan.references import REFERENCE_DEFENSE
from ..registry.labels import label
from .lines import Line, Place, line_of, modelled
from .structure import Cut

NEGLIGIBLE_MS = 1.0
"""A defense that adds less than this on the server counts as adding nothing."""
LOAD_FACTOR = 3.0
"""So does one whose server takes at most this many times as long as the undefended one, which was timed at another
time: the load of the machine explains as much. Encryption adds far more."""


Spot = tuple[str, str, str]
"""A split, and the name and the parameters, as JSON, of a defense."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a defended client computes and sends for one image, whatever its weights are.

    Attributes:
        wire_bytes: Bytes from the device to the server.
        bytes_down: Bytes from the server to the device.
        rounds: Messages that the device sends.
        client_macs: Multiply-accumulate operations on the device.
        client_params: Parameters on the device.
        client_param_bytes: Bytes of these parameters.

    Example:
        >>> Sent(wire_bytes=640, bytes_down=40, rounds=1, client_macs=0, client_params=0, client_param_bytes=0).rounds
        1
    """

    wire_bytes: float
    bytes_down: float
    rounds: int
    client_macs: int
    client_params: int
    client_param_bytes: int


def join(
    cuts: Sequence[Cut],
    defenses: Sequence[tuple[str, str]],
    records: Mapping[str, Record],
    place: Place,
    *,
    bytes_down: float,
    sent: Mapping[Spot, Sent] | None = None,
) -> list[Line]:
    """Return one line for each cut and defense, in the order of the network.

    Args:
        cuts: The cuts, in their order.
        defenses: The name and the parameters, as JSON, of each defense.
        records: The records of finished cells, by cell.
        place: The device, the network and the server.
        bytes_down: Bytes of the answer of an undefended server.
        sent: What defended clients send, as far as it is known before a cell is done.
    """
    cells: dict[Spot, list[Row]] = defaultdict(list)
    for record in records.values():
        if is_scored(record.row):
            cells[record.row.split, record.row.defense, record.row.defense_params].append(record.row)
    lines = []
    for cut in cuts:
        plain = next((rows for (split, name, _), rows in cells.items() if (split, name) == _reference(cut)), [])
        for defense in defenses:
            bare = line_of(cut, place, bytes_down=bytes_down)
            name, params = defense
            if name != REFERENCE_DEFENSE:
                bare = _expected(bare, cut, (sent or {}).get((cut.split, *defense)), place)
            bare = replace(bare, defense=label("defenses", name, json.loads(params)))
            rows = cells[cut.split, *defense]
            lines.append(_filled(bare, cut, rows, plain, records, place) if rows else bare)
    return lines


def _expected(line: Line, cut: Cut, sent: Sent | None, place: Place) -> Line:
    """Return the line of a defended client before a cell is done."""
    bare = replace(
        line, wire_kb=None, rounds=None, client_ms_modelled=None, latency_ms_modelled=None, energy_mj_modelled=None
    )
    if sent is None:
        return bare
    known = replace(
        bare,
        client_params=sent.client_params,
        client_param_kb=sent.client_param_bytes / 1000,
        client_mmacs=sent.client_macs / 1e6,
        wire_kb=sent.wire_bytes / 1000,
        bytes_down=sent.bytes_down,
        rounds=sent.rounds,
    )
    return modelled(known, cut, place)


def _reference(cut: Cut) -> tuple[str, str]:
    return cut.split, REFERENCE_DEFENSE


def _filled(
    line: Line, cut: Cut, rows: list[Row], plain: list[Row], records: Mapping[str, Record], place: Place
) -> Line:
    leak = worst_case(rows, records, complete=True)
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
        client_ms=_mean(rows, "client_ms"),
        utility=_mean(rows, "utility"),
        psnr_db=leak["psnr_db"],
        ssim=leak["ssim"],
        identified=max((row.identified for row in rows if row.identified is not None), default=None),
    )
    added = [records[row.cell_id].details.get("client_overhead_ms", 0.0) for row in rows]
    served, alone = _mean(rows, "server_ms") or 0, _mean(plain, "server_ms") or 0
    more = served - alone if plain and served > LOAD_FACTOR * alone + NEGLIGIBLE_MS else 0
    defended = first.defense != REFERENCE_DEFENSE
    client_s, server_s = (max(0.0, mean(added)) / 1000, more / 1000) if defended else (0.0, 0.0)
    return modelled(line, cut, place, client_s=client_s, server_s=server_s)


def _mean(rows: Sequence[Row], column: str) -> float | None:
    values = [value for row in rows if (value := getattr(row, column)) is not None]
    return mean(values) if values else None


def _thousandth(value: float | None) -> float | None:
    return None if value is None else value / 1000
