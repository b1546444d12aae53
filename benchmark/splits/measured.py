"""Join the costs of cuts with what finished cells have measured."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
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


def join(
    cuts: Sequence[Cut],
    defenses: Sequence[tuple[str, str]],
    records: Mapping[str, Record],
    place: Place,
    *,
    bytes_down: float,
) -> list[Line]:
    """Return one line for each cut and defense, in the order of the network.

    Args:
        cuts: The cuts, in their order.
        defenses: The name and the parameters, as JSON, of each defense.
        records: The records of finished cells, by cell.
        place: The device, the network and the server.
        bytes_down: Bytes of the answer of an undefended server.
    """
    cells: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
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
                bare = replace(bare, wire_kb=None, rounds=None, latency_ms_modelled=None, energy_mj_modelled=None)
            bare = replace(bare, defense=label("defenses", name, json.loads(params)))
            rows = cells[cut.split, *defense]
            lines.append(_filled(bare, cut, rows, plain, records, place) if rows else bare)
    return lines


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
    more = served - alone if plain and served - alone > NEGLIGIBLE_MS else 0
    defended = first.defense != REFERENCE_DEFENSE
    client_s, server_s = (max(0.0, mean(added)) / 1000, more / 1000) if defended else (0.0, 0.0)
    return modelled(line, cut, place, client_s=client_s, server_s=server_s)


def _mean(rows: Sequence[Row], column: str) -> float | None:
    values = [value for row in rows if (value := getattr(row, column)) is not None]
    return mean(values) if values else None


def _thousandth(value: float | None) -> float | None:
    return None if value is None else value / 1000
