"""What a defense adds on the device: its milliseconds beyond the operations of its layers, which are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from ..leaderboard.records import Record, Row


def added_on_client(rows: Sequence[Row], records: Mapping[str, Record], plain_macs: float | None) -> float:
    """Return the median milliseconds over cells, not below 0; 0 without records.

    Records of earlier versions compare the protected client with the undefended one only. If it has other layers, the
    difference is mostly the time of these, so it does not count.

    Args:
        rows: Cells of one defense.
        records: Available records by cell.
        plain_macs: Operations of the undefended client. None if they are unknown.

    Example:
        >>> added_on_client([], {}, None)
        0.0
    """
    added = [_added(row, records[row.cell_id], plain_macs) for row in rows if row.cell_id in records]
    return max(0.0, median(added)) if added else 0.0


def layer_macs(row: Row, record: Record | None) -> int:
    """Return the operations of the layers on the device, without those of a channel, which ``added_on_client`` times.

    Args:
        row: A cell of the defense.
        record: Its record, if it is available.
    """
    macs, channel = row.client_macs or 0, 0.0 if record is None else record.details.get("channel_macs", 0.0)
    return macs - round(min(max(channel, 0.0), macs))


def _added(row: Row, record: Record, plain_macs: float | None) -> float:
    if "client_added_ms" in record.details:
        return record.details["client_added_ms"]
    other_layers = plain_macs is not None and row.client_macs != plain_macs
    return 0.0 if other_layers else record.details.get("client_overhead_ms", 0.0)
