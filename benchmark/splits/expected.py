"""What is known of a defended client before any of its cells is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .defended_cut import as_defended
from .lines import Deployment, Line, modelled
from .structure import Cut, Total

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
        client_params: Weights on the device, as ``held_weights`` defines them.
        client_param_bytes: Bytes of these weights.
        client_peak_bytes: Largest sum of bytes of activations that are alive at a time on the device.
        server: Multiply-accumulate operations of the server, and bytes of its weights. None if they are unknown.

    Example:
        >>> Sent(wire_bytes=640, bytes_down=40, rounds=1, client_macs=0, client_params=0, client_param_bytes=0,
        ...     client_peak_bytes=0).rounds
        1
    """

    wire_bytes: float
    bytes_down: float
    rounds: int
    client_macs: int
    client_params: int
    client_param_bytes: int
    client_peak_bytes: int
    server: Total | None = None


def expected(
    line: Line, cut: Cut, sent: Sent | str | None, deployment: Deployment, network: Sequence[Cut] = ()
) -> Line:
    """Return the line of a defended client before a cell is done.

    Args:
        line: The line of the cut without a defense.
        cut: The cut.
        sent: What the defended client sends, or why the defense cannot be applied. None, if it is unknown, leaves
            everything empty that a defense may change.
        deployment: The device, the network and the server.
        network: All cuts of the network, at one of which the defended client may end.
    """
    unknown = Line(
        split=line.split,
        defense=line.defense,
        ir_shape=line.ir_shape,
        wire_kb_float32=line.wire_kb_float32,
        wire_kb_int8=line.wire_kb_int8,
    )
    if sent is None:
        return unknown
    if isinstance(sent, str):
        return replace(unknown, reason=sent)
    known = replace(
        unknown,
        client_params=sent.client_params,
        client_param_kb=sent.client_param_bytes / 1000,
        client_mmacs=sent.client_macs / 1e6,
        client_peak_kb=sent.client_peak_bytes / 1000,
        wire_kb=sent.wire_bytes / 1000,
        bytes_down=sent.bytes_down,
        rounds=sent.rounds,
    )
    left = as_defended(cut, network, client=(sent.client_macs, sent.client_param_bytes), server=sent.server)
    return modelled(known, left, deployment)
