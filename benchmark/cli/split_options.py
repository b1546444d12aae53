"""The options of ``mia-bench splits`` as profiles and limits."""

from __future__ import annotations

import math

from ..errors import UsageError
from ..splits.choice import Limit
from ..splits.devices import LEAST, Device, NetworkLink, load_profile
from ..splits.lines import Deployment
from ..splits.units import ENERGY, RATE, TIME, parse_quantity


def deployment_of(
    network: str,
    device: str,
    server: str,
    *,
    uplink: str | None = None,
    downlink: str | None = None,
    rtt: str | None = None,
    gmacs: float | None = None,
) -> Deployment:
    """Return the device, the network and the server: profiles, whose figures single options override.

    Raises:
        UsageError: If a profile does not exist, or a quantity is wrong.

    Example:
        >>> deployment_of("lte", "phone", "server", rtt="20ms").network.rtt_ms
        20.0
    """
    link: dict[str, float] = {}
    for name, text in (("uplink", uplink), ("downlink", downlink)):
        if text is not None:
            link[f"{name}_mbit_per_s"] = parse_quantity(text, RATE, f"--{name}") / 1e6
    if rtt is not None:
        link["rtt_ms"] = 1000 * parse_quantity(rtt, TIME, "--rtt", zero=True)
    if gmacs is not None and not 0 < gmacs < float("inf"):
        raise UsageError(f"Expected --device-gmacs to be a number above 0, got {gmacs:g}. Give such a number.")
    if gmacs is not None and gmacs < LEAST:
        raise UsageError(f"Expected --device-gmacs to be at least {LEAST:g}, got {gmacs:g}. Give a faster device.")
    speed = {} if gmacs is None else {"gmacs_per_s": gmacs, "gmacs_per_s_by_layer": {}}
    return Deployment(
        device=Device(**{**load_profile(Device, device).model_dump(), **speed}),
        network=NetworkLink(**{**load_profile(NetworkLink, network).model_dump(), **link}),
        server=load_profile(Device, server),
    )


def limits_of(latency: str | None, energy: str | None, identified: float | None, utility: float | None) -> list[Limit]:
    """Return the limits that were given.

    Raises:
        UsageError: If a quantity has no unit, or a share is not in [0, 1], or a utility above 1.

    Example:
        >>> [limit.column for limit in limits_of("100ms", None, None, 0.9)]
        ['latency_ms_modelled', 'utility']
    """
    found = []
    for option, text, unit, column in (
        ("--max-latency", latency, TIME, "latency_ms_modelled"),
        ("--max-energy", energy, ENERGY, "energy_mj_modelled"),
    ):
        if text is not None:
            found.append(Limit(option, column, 1000 * parse_quantity(text, unit, option)))
    for option, share, column in (
        ("--max-identified", identified, "identified"),
        ("--min-utility", utility, "utility"),
    ):
        if share is not None:
            least, kind = (0.0, "a share from 0 to 1") if column == "identified" else (-math.inf, "a number up to 1")
            if not least <= share <= 1 or math.isinf(share):  # R2 may be negative
                raise UsageError(f"Expected {option} to be {kind}, got {share}. Write 80 % as 0.8.")
            found.append(Limit(option, column, share, lowest=option.startswith("--min")))
    return found
