"""Profiles of devices and networks, which are small TOML files with units in the names of their fields."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field

from ..errors import UsageError
from ..metrics.layer_types import LAYER_TYPES, LayerType
from ..utils.declaration import Declaration
from ..utils.files import Unreadable, read_toml
from .structure import Stage
from .units import LONGEST_TRIP

LEAST, LONGEST_TRIP_MS = 1e-6, 1000.0 * LONGEST_TRIP
"""The lowest rates and speeds, and the longest round trip, of which times are modelled."""
POSITIVE = f"a number of at least {LEAST:g}"
NOT_NEGATIVE = "a number of at least 0"
SPEEDS = f"a table of numbers of at least {LEAST:g} with names among {', '.join(LAYER_TYPES)}"
Speed = Annotated[float, Field(ge=LEAST, allow_inf_nan=False)]


class _Figures(Declaration):
    """Figures, which are numbers: neither texts nor truth values stand for them."""

    model_config = ConfigDict(strict=True)


class Device(_Figures):
    """The speed and the energy of a device or a server.

    Attributes:
        gmacs_per_s: 1e9 multiply-accumulate operations per second.
        gmacs_per_s_by_layer: The same for single types of layers. Others have the speed ``gmacs_per_s``.
        memory_gbyte_per_s: 1e9 bytes of weights that are read per second. None ignores memory.
        us_per_operation: Microseconds for the start of each operation, such as a convolution, a normalization or an
            activation function. None takes no time for it.
        activation_gbyte_per_s: 1e9 bytes of activations that operations read and write per second. None takes no time
            for it.
        pj_per_mac: Picojoules of the whole device for each multiply-accumulate operation. None if unknown.
        source: Where the figures come from.

    Example:
        >>> Device(gmacs_per_s=5).seconds([Stage(10**9, 4000)])
        0.2
    """

    gmacs_per_s: float = Field(ge=LEAST, allow_inf_nan=False, description=POSITIVE)
    gmacs_per_s_by_layer: dict[LayerType, Speed] = Field({}, description=SPEEDS)
    memory_gbyte_per_s: float | None = Field(None, ge=LEAST, allow_inf_nan=False, description=POSITIVE)
    us_per_operation: float | None = Field(None, ge=0, allow_inf_nan=False, description=NOT_NEGATIVE)
    activation_gbyte_per_s: float | None = Field(None, ge=LEAST, allow_inf_nan=False, description=POSITIVE)
    pj_per_mac: float | None = Field(None, ge=0, allow_inf_nan=False, description=NOT_NEGATIVE)
    source: str = Field("", description="a text")

    def seconds(self, stages: Sequence[Stage]) -> float:
        """Model the seconds of stages.

        A stage takes as long as its multiplications or the reading of its weights, whichever is longer, and then the
        time for the start of each of its operations and for its activations, if the profile has these figures.
        """
        return sum(self._nanoseconds(each) for each in stages) / 1e9

    def _nanoseconds(self, stage: Stage) -> float:
        memory, rate = self.memory_gbyte_per_s, self.activation_gbyte_per_s
        busy = max(self._work(stage), stage.weight_bytes / memory if memory else 0)
        return busy + 1000 * stage.operations * (self.us_per_operation or 0) + (stage.moved_bytes / rate if rate else 0)

    def _work(self, stage: Stage) -> float:
        """Return the nanoseconds of the operations of a stage, each at the speed of its type of layer."""
        speeds: dict[str, float] = {**self.gmacs_per_s_by_layer}
        known = [(macs, speeds[kind]) for kind, macs in stage.by_type if kind in speeds]
        rest = stage.macs - sum(macs for macs, _ in known)
        return rest / self.gmacs_per_s + sum(macs / speed for macs, speed in known)

    def joules(self, macs: float, seconds: float = 0) -> float | None:
        """Model the energy of operations, and of seconds of computation at full speed. None if it is unknown."""
        if self.pj_per_mac is None:
            return None
        return (macs * 1e-9 + seconds * self.gmacs_per_s) * self.pj_per_mac * 1e-3


class NetworkLink(_Figures):
    """The rates and the radio of a network.

    Attributes:
        uplink_mbit_per_s: 1e6 bits that the device sends per second.
        downlink_mbit_per_s: 1e6 bits that the device receives per second.
        rtt_ms: Milliseconds of a round trip of an empty message.
        radio_up_mw_per_mbit_per_s: Milliwatts of the radio while sending, for each Mbit/s. None if unknown, as below.
        radio_down_mw_per_mbit_per_s: Milliwatts of the radio while receiving, for each Mbit/s.
        radio_base_mw: Milliwatts of the radio while it is on, in addition.
        source: Where the figures come from.

    Example:
        >>> NetworkLink(uplink_mbit_per_s=8, downlink_mbit_per_s=8, rtt_ms=10).seconds(up=1000, down=0, rounds=1)
        0.011
    """

    uplink_mbit_per_s: float = Field(ge=LEAST, allow_inf_nan=False, description=POSITIVE)
    downlink_mbit_per_s: float = Field(ge=LEAST, allow_inf_nan=False, description=POSITIVE)
    rtt_ms: float = Field(
        0, ge=0, le=LONGEST_TRIP_MS, allow_inf_nan=False, description=f"a number from 0 to {LONGEST_TRIP_MS:.0f}"
    )
    radio_up_mw_per_mbit_per_s: float | None = Field(None, ge=0, allow_inf_nan=False, description=NOT_NEGATIVE)
    radio_down_mw_per_mbit_per_s: float | None = Field(None, ge=0, allow_inf_nan=False, description=NOT_NEGATIVE)
    radio_base_mw: float | None = Field(None, ge=0, allow_inf_nan=False, description=NOT_NEGATIVE)
    source: str = Field("", description="a text")

    def seconds(self, *, up: float, down: float, rounds: int) -> float:
        """Model the seconds in which bytes are sent up and down in some round trips."""
        return self._seconds_up(up) + self._seconds_down(down) + rounds * self.rtt_ms / 1000

    def joules(self, *, up: float, down: float) -> float | None:
        """Model the energy of the radio of the device while bytes are sent up and down. None if it is unknown."""
        if not up and not down:
            return 0.0
        rising, falling, base = self.radio_up_mw_per_mbit_per_s, self.radio_down_mw_per_mbit_per_s, self.radio_base_mw
        if rising is None or falling is None or base is None:
            return None
        sending = rising * self.uplink_mbit_per_s + base
        receiving = falling * self.downlink_mbit_per_s + base
        return (sending * self._seconds_up(up) + receiving * self._seconds_down(down)) / 1000

    def _seconds_up(self, size: float) -> float:
        return 8 * size / (1e6 * self.uplink_mbit_per_s)

    def _seconds_down(self, size: float) -> float:
        return 8 * size / (1e6 * self.downlink_mbit_per_s)


Profile = TypeVar("Profile", Device, NetworkLink)
NAMES = {Device: "device", NetworkLink: "network"}
"""What the files of the built-in profiles begin with."""


def load_profile(kind: type[Profile], name: str) -> Profile:
    """Read a built-in profile by its name, in any case, or a TOML file by its path.

    Raises:
        UsageError: If there is no such profile, or a field is missing or wrong.

    Example:
        >>> load_profile(NetworkLink, "lte").uplink_mbit_per_s
        5.85
    """
    folder = files("mia_bench.benchmark.splits").joinpath("profiles")
    prefix = f"{NAMES[kind]}-"
    known = sorted(path.name[len(prefix) : -5] for path in folder.iterdir() if path.name.startswith(prefix))
    built_in = name.lower().replace("wi-fi", "wifi")
    path = Path(str(folder.joinpath(f"{prefix}{built_in}.toml"))) if built_in in known else Path(name)
    if built_in not in known and path.suffix != ".toml":
        raise UsageError(
            f"Expected the profile of a {NAMES[kind]} to be one of {', '.join(known)} or the path of a .toml file, "
            f"got {name!r}. Choose one of these, or write a file."
        )
    try:
        return kind(**read_toml(path))
    except Unreadable as error:
        raise UsageError(f"Cannot read the profile {path}. {error}") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
