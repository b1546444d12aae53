"""What a defense leaves of a cut: the operations and the weights of the device and of the server that are evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .structure import Cut, Stage, Total


def as_defended(cut: Cut, network: Sequence[Cut], *, client: Total, server: Total | None) -> Cut:
    """Return a cut with the stages that a defense leaves on the device and on the server.

    A client with as many operations and weights as that of another cut of the network ends at that cut, as if the
    defense moved layers. Otherwise the stages are those of the given cut, and what the defense changes of them.

    Args:
        cut: The cut without the defense.
        network: All cuts of the network.
        client: Operations and bytes of weights on the device.
        server: Those on the server. None leaves those of the cut.

    Example:
        >>> conv1 = Cut("conv1", (2,), 1, 4, 8, (Stage(100, 4),), (Stage(50, 8), Stage(30, 4)), 12)
        >>> conv2 = Cut("conv2", (2,), 3, 12, 8, (Stage(100, 4), Stage(50, 8)), (Stage(30, 4),), 4)
        >>> defended = as_defended(conv1, [conv1, conv2], client=(150, 12), server=None)
        >>> [stage[:2] for stage in defended.server_stages]
        [(30, 4)]
    """
    base = next((each for each in (cut, *network) if each.client_total == client), cut)
    return replace(
        cut,
        client_stages=_changed(base.client_stages, base.client_total, client),
        server_stages=base.server_stages if server is None else _changed(base.server_stages, base.server_total, server),
    )


def _changed(stages: tuple[Stage, ...], own: Total, total: Total) -> tuple[Stage, ...]:
    """Return stages with another total. What is more is one more stage; if it is less, all shrink by one share.

    Args:
        stages: The stages.
        own: Their total. Weights that several stages use count once.
        total: The other total.
    """
    (macs, size), (own_macs, own_size) = total, own
    share, kept = (min(1.0, new / old) if old else 1.0 for new, old in zip(total, own, strict=True))
    shrunk = [
        Stage(
            round(each.macs * share),
            round(each.weight_bytes * kept),
            tuple((kind, round(number * share)) for kind, number in each.by_type),
            each.operations if share else 0,
            round(each.moved_bytes * share),
        )
        for each in stages
    ]
    return *shrunk, Stage(max(0, macs - own_macs), max(0, size - own_size))
