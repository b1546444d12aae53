"""A network as a sequence of stages, and the places between them where it can be cut."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

from ..errors import UsageError, similar

RESERVED = {*dir(nn.Sequential()), "places", "normalize"}
"""Names that a layer of a network cannot have, since they mean something else there, such as methods of a module."""
SHOWN = 12
"""The number of names that an error lists if a network has many cuts."""


@dataclass(frozen=True)
class Place:
    """Describe a place between two operations of a network.

    Attributes:
        names: Paths of the layers that end at this place. The first is the name of the place.
        crossing: Names of the values that cross this place. If it is one tensor (N, ...), the place is a cut.
        reason: Why the place is not a cut, as the end of a sentence. Empty for a cut.

    Example:
        >>> Place(("layer1.0.relu", "layer1.0"), ("relu_2",)).name
        'layer1.0.relu'
    """

    names: tuple[str, ...]
    crossing: tuple[str, ...] = ()
    reason: str = ""

    @property
    def name(self) -> str:
        """The name of the place, which is the first of ``names``."""
        return self.names[0]


class Stages(nn.Sequential):
    """Hold the stages of a network that was linearized, each named after the cut behind it.

    The name of a module cannot contain a dot, so the stage in front of the cut ``layer2.1`` is the child ``layer2/1``.

    Attributes:
        places: All places of the network, in order, including those that are not cuts.

    Example:
        >>> stages = Stages({"layer1.0": nn.Flatten()}, [Place(("layer1.0",), ("flatten",))])
        >>> [name for name, _ in stages.named_children()]
        ['layer1/0']
    """

    def __init__(self, stages: Mapping[str, nn.Module], places: Sequence[Place]) -> None:
        """Join the stages, given by the name of the cut behind each."""
        super().__init__(OrderedDict((child_name(cut), stage) for cut, stage in stages.items()))
        self.places = tuple(places)

    def __getitem__(self, index: slice | int) -> nn.Module:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a stage, or consecutive stages as an ``nn.Sequential``, as other networks do."""
        if isinstance(index, slice):
            return nn.Sequential(OrderedDict(list(self.named_children())[index]))
        return super().__getitem__(index)


def child_name(cut: str) -> str:
    """Return the name of the module in front of a cut.

    Example:
        >>> child_name("layer2.1"), child_name("float")
        ('layer2/1', '/float')
    """
    return f"/{cut}" if cut in RESERVED else cut.replace(".", "/")


def cut_name(child: str) -> str:
    """Return the name of the cut behind a module.

    Example:
        >>> cut_name("layer2/1")
        'layer2.1'
    """
    return child.removeprefix("/").replace("/", ".")


def places_of(layers: nn.Sequential) -> tuple[Place, ...]:
    """List the places of a network. If it was not linearized, there is a cut behind each layer."""
    if isinstance(layers, Stages):
        return layers.places
    return tuple(Place((cut_name(child),), (cut_name(child),)) for child, _ in layers.named_children())


def find_cuts(layers: nn.Sequential, wanted: str) -> list[str]:
    """Find the cuts that a path, a pattern or ``all`` names.

    In a pattern, ``*``, ``?`` and ``[...]`` stand for characters of one part of a path: ``layer*`` matches ``layer1``
    and ``layer2``, but not ``layer1.0``, which ``layer*.*`` matches.

    Args:
        layers: The network.
        wanted: A path such as ``layer2.1``, a pattern such as ``layer*``, or ``all``.

    Returns:
        Names of cuts, in the order of the network.

    Raises:
        UsageError: If there is no such cut. If a place has this name but is not a cut, the message gives the reason and
            the nearest cuts.

    Example:
        >>> find_cuts(nn.Sequential(OrderedDict(conv1=nn.Identity(), relu1=nn.ReLU(), conv2=nn.Identity())), "conv*")
        ['conv1', 'conv2']
    """
    places = places_of(layers)
    cuts = [place for place in places if not place.reason]
    if wanted == "all":
        return [cut.name for cut in cuts]
    if exact := cut_called(wanted, places):
        return [exact]
    found = [cut.name for cut in cuts if any(fits(name, wanted) for name in cut.names)]
    if not found:
        raise UsageError(_unknown(wanted, cuts))
    return found


def cut_called(wanted: str, places: Sequence[Place]) -> str | None:
    """Return the name of the cut that a path names, or None if no place has this name.

    Args:
        wanted: A path such as ``layer2``, which may end where another layer ends, such as ``layer2.1``.
        places: The places of the network.

    Raises:
        UsageError: If the place of this name is not a cut.

    Example:
        >>> cut_called("layer2", [Place(("layer2.1.relu", "layer2.1", "layer2"), ("relu_8",))])
        'layer2.1.relu'
    """
    exact = [place for place in places if wanted in place.names]
    if not exact:
        return None
    if exact[-1].reason:
        raise UsageError(_not_a_cut(wanted, places.index(exact[-1]), places))
    return exact[-1].name


def fits(path: str, pattern: str) -> bool:
    """Return whether a path has the form of a pattern; see ``find_cuts``.

    Example:
        >>> fits("layer2.1", "layer*"), fits("layer2.1", "layer*.*")
        (False, True)
    """
    parts, patterns = path.split("."), pattern.split(".")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _not_a_cut(wanted: str, position: int, places: Sequence[Place]) -> str:
    before = [place.name for place in places[:position] if not place.reason][-2:]
    after = [place.name for place in places[position:] if not place.reason][:2]
    return (
        f"Expected a place where one tensor crosses, got {wanted!r}: {places[position].reason}. "
        f"The nearest cuts are {', '.join([*before, *after])}."
    )


def _unknown(wanted: str, cuts: Sequence[Place]) -> str:
    known = [cut.name for cut in cuts]
    if len(known) <= 2 * SHOWN:
        return f"Unknown split {wanted!r}. Choose one of the layers: {', '.join(known)}."
    close = similar(wanted, [name for cut in cuts for name in cut.names], 3)
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    shown = [known[position * len(known) // SHOWN] for position in range(SHOWN)]
    return f"Unknown split {wanted!r}.{hint} Some of the {len(known)} cuts are {', '.join(shown)}."
