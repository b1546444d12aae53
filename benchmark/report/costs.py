"""Model what the settings of a board cost on several networks, from what their cells measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import mean

from ..leaderboard.records import Record, Row
from ..splits.added import added_on_client, layer_macs
from ..splits.devices import Device, NetworkLink, load_profile
from ..splits.lines import Deployment

NETWORKS = {"3g": "3G", "lte": "LTE", "wifi": "Wi-Fi"}
"""Built-in networks with their titles."""


def deployments() -> dict[str, Deployment]:
    """Return a phone and a server on each of the built-in networks, by name."""
    phone, server = load_profile(Device, "phone"), load_profile(Device, "server")
    return {name: Deployment(device=phone, network=load_profile(NetworkLink, name), server=server) for name in NETWORKS}


def describe(deployment: Deployment) -> str:
    """Return in words what is assumed of a deployment."""
    link = deployment.network
    return (
        f"a device of {deployment.device.gmacs_per_s:g} GMAC/s, {link.uplink_mbit_per_s:g} Mbit/s up, "
        f"{link.downlink_mbit_per_s:g} Mbit/s down, {link.rtt_ms:g} ms per round"
    )


def modelled(
    rows: Sequence[Row], records: Mapping[str, Record], deployment: Deployment, plain_macs: float | None = None
) -> dict[str, float]:
    """Model the latency and the energy of one image from the cells of a setting.

    The client takes the time of its operations at the speed of the device. The server, and what a defense adds on the
    client, take the time that was measured where the cells ran.

    Args:
        rows: The scored rows of a setting.
        records: Available records by cell.
        deployment: The device and the network.
        plain_macs: Operations of the undefended client. None if they are unknown.

    Returns:
        ``latency_ms`` and ``energy_mj``, as far as they are known.

    Example:
        >>> modelled([], {}, deployments()["lte"])
        {}
    """
    counted, up = [row for row in rows if row.client_macs is not None], _mean(rows, "wire_bytes")
    if not counted or up is None:
        return {}
    macs = mean(layer_macs(row, records.get(row.cell_id)) for row in counted)
    down, rounds = _mean(rows, "bytes_down") or 0.0, round(_mean(rows, "rounds") or 1)
    client_s = added_on_client(rows, records, plain_macs) / 1000
    seconds = macs / deployment.device.gmacs_per_s / 1e9 + client_s + (_mean(rows, "server_ms") or 0.0) / 1000
    seconds += deployment.network.seconds(up=up, down=down, rounds=rounds)
    computing, sending = deployment.device.joules(macs, client_s), deployment.network.joules(up=up, down=down)
    energy = {} if computing is None or sending is None else {"energy_mj": 1000 * (computing + sending)}
    found = {"latency_ms": 1000 * seconds, **energy}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _mean(rows: Sequence[Row], column: str) -> float | None:
    values = [value for row in rows if (value := getattr(row, column)) is not None]
    return mean(values) if values else None
