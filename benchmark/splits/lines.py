"""One line for each cut and defense, with its modelled latency and energy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..metrics.pareto import Estimate
from .devices import Device, NetworkLink
from .structure import Cut


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Where a network runs: a device, a network and a server.

    Example:
        >>> Deployment(device=Device(gmacs_per_s=5), server=Device(gmacs_per_s=100),
        ...     network=NetworkLink(uplink_mbit_per_s=8, downlink_mbit_per_s=8)).device.gmacs_per_s
        5.0
    """

    device: Device
    network: NetworkLink
    server: Device


@dataclass(frozen=True, kw_only=True)
class Line:
    """One way to divide and protect a network.

    The fields are the columns of the table, with units in their names, except for the two estimates at the end.

    Attributes:
        split: The last layer on the device; or ``device``, ``cloud (PNG)`` and ``cloud (JPEG)`` for the baselines, or
            ``cloud (float32)`` in place of files for images that are not 8-bit values.
        client_peak_kb: Largest sum of activations that are alive at a time on the device, in 1000 bytes.
        wire_kb_float32: Size of the IR as float32, in 1000 bytes.
        wire_kb_int8: Size of the IR as 8-bit integers, in 1000 bytes.
        wire_kb: What is sent for one image, in 1000 bytes: measured if a cell is done. None if it is not known yet.
        client_ms: Measured on this machine. None before a cell is done.
        client_ms_modelled: The operations of the client at the speed of the given device, and what a defense adds.
        latency_ms_modelled: End to end, for the given device, network and server.
        energy_mj_modelled: Of the device: its computation and its radio. None if the energy of either is unknown.
        psnr_db_low: Lower end of the 95 % interval of ``psnr_db`` over the images. None if it is unknown.
        psnr_db_high: Upper end of this interval.
        identified: Largest share of images that an attack identifies.
        incomplete: Whether some attacks are still to come, or failed, so that more may leak than the columns say.
        pareto: Whether no other line is surely better: at least as good in leak (PSNR), latency, energy and utility and
            better in one, with each difference of leak and utility outside its 95 % interval.
        chosen: Whether this line was chosen within the limits that were given.
        reason: Why nothing could be measured, such as a defense that cannot be applied at this split.
        leak_estimate: ``psnr_db`` with its interval and the value of each image.
        utility_estimate: ``utility`` with its interval.

    Example:
        >>> Line(split="relu1").defense
        'undefended'
    """

    split: str
    defense: str = "undefended"
    ir_shape: str = ""
    client_params: int | None = None
    client_param_kb: float | None = None
    client_mmacs: float | None = None
    client_peak_kb: float | None = None
    wire_kb_float32: float | None = None
    wire_kb_int8: float | None = None
    wire_kb: float | None = None
    bytes_down: float | None = None
    rounds: int | None = None
    client_ms: float | None = None
    client_ms_modelled: float | None = None
    latency_ms_modelled: float | None = None
    energy_mj_modelled: float | None = None
    utility: float | None = None
    psnr_db: float | None = None
    psnr_db_low: float | None = None
    psnr_db_high: float | None = None
    ssim: float | None = None
    identified: float | None = None
    incomplete: bool = False
    pareto: bool = False
    chosen: bool = False
    reason: str = ""
    leak_estimate: Estimate | None = field(default=None, repr=False)
    utility_estimate: Estimate | None = field(default=None, repr=False)

    def by_column(self) -> dict[str, Any]:
        """Return the values of the columns of the table."""
        return {name: getattr(self, name) for name in COLUMNS}

    @property
    def is_baseline(self) -> bool:
        """Whether the network is not cut: everything is in the cloud, or on the device."""
        return self.split in BASELINES

    @property
    def leak_known(self) -> bool:
        """Whether all attacks on a cut are done. What the baselines leak needs no attack."""
        return self.is_baseline or (self.psnr_db is not None and not self.incomplete)


COLUMNS = [each.name for each in fields(Line) if not each.name.endswith("_estimate")]
CLOUD, DEVICE = ("cloud (PNG)", "cloud (JPEG)", "cloud (float32)"), "device"
BASELINES = (*CLOUD, DEVICE)
"""Names of the lines in which the network is not cut."""


def line_of(cut: Cut, deployment: Deployment, *, bytes_down: float) -> Line:
    """Return the line of a cut without a defense, from the structure of the network."""
    line = Line(
        split=cut.split,
        ir_shape="x".join(map(str, cut.ir_shape)),
        client_params=cut.client_params,
        client_param_kb=cut.client_param_bytes / 1000,
        client_mmacs=cut.client_macs / 1e6,
        client_peak_kb=cut.client_peak_bytes / 1000,
        wire_kb_float32=4 * cut.ir_numbers / 1000,
        wire_kb_int8=cut.ir_numbers / 1000,
        wire_kb=cut.ir_bytes / 1000,
        bytes_down=bytes_down,
        rounds=1,
    )
    return modelled(line, cut, deployment)


def modelled(line: Line, cut: Cut, deployment: Deployment, *, client_s: float = 0, server_s: float = 0) -> Line:
    """Fill in the modelled latency and energy of a line.

    T = client + 8 x wire / uplink + RTT x rounds + server + 8 x down / downlink; the client and the server take the
    time of their operations at the speed of the profile, and what a defense adds, as it was measured on this machine.

    Args:
        line: A line with ``wire_kb``, ``bytes_down``, ``rounds`` and ``client_mmacs``. Left as it is if one is unknown.
        cut: The cut, with what the defense leaves of its stages.
        deployment: The device, the network and the server.
        client_s: Seconds that the defense adds on the device.
        server_s: Seconds that the defense adds on the server.
    """
    if line.wire_kb is None or line.bytes_down is None or line.rounds is None or line.client_mmacs is None:
        return line
    device_s = deployment.device.seconds([*cut.client_stages]) + client_s
    up, down = 1000 * line.wire_kb, line.bytes_down
    total = device_s + deployment.network.seconds(up=up, down=down, rounds=line.rounds)
    if line.rounds:
        total += deployment.server.seconds([*cut.server_stages]) + server_s
    computing, sending = (
        deployment.device.joules(cut.client_macs, client_s),
        deployment.network.joules(up=up, down=down),
    )
    return replace(
        line,
        client_ms_modelled=_thousandfold(device_s),
        latency_ms_modelled=_thousandfold(total),
        energy_mj_modelled=None if computing is None or sending is None else _thousandfold(computing + sending),
    )


def _thousandfold(value: float) -> float | None:
    """Return milliseconds or millijoules; None if they exceed all numbers, as of a rate of almost 0."""
    return 1000 * value if math.isfinite(1000 * value) else None


def baselines(
    cuts: Sequence[Cut], deployment: Deployment, *, uploaded: dict[str, float], bytes_down: float
) -> list[Line]:
    """Return the lines without which a split means nothing: all in the cloud, and all on the device.

    Args:
        cuts: The cuts of the network. After the last one, nothing is left for the server.
        deployment: The device, the network and the server.
        uploaded: Bytes of an image, by how it is sent.
        bytes_down: Bytes of the answer.
    """
    last = cuts[-1]
    everything = (*last.client_stages, *last.server_stages)
    nothing = replace(last, client_stages=(), server_stages=everything)
    found = []
    for kind, size in uploaded.items():
        line = Line(split=f"cloud ({kind})", wire_kb=size / 1000, bytes_down=bytes_down, rounds=1, identified=1.0)
        line = replace(line, client_params=0, client_param_kb=0.0, client_mmacs=0.0)
        found.append(modelled(line, nothing, deployment))
    here = replace(last, client_stages=everything, server_stages=())
    line = line_of(here, deployment, bytes_down=0)
    line = replace(line, split="device", wire_kb=0.0, wire_kb_float32=None, wire_kb_int8=None, rounds=0, identified=0.0)
    return [*found, modelled(line, here, deployment)]
