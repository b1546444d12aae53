"""Import of the class of a component, checked for its kind."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import UsageError, clean, describe
from .entries import PACKAGE, Entry, Kind

if TYPE_CHECKING:
    from ..interfaces import Component

_BASES = {"attacks": "Attack", "defenses": "Defense", "models": "Model", "datasets": "Dataset"}
_ATTRIBUTES: dict[Kind, tuple[tuple[str, type | str], ...]] = {
    "attacks": (("access", "Access"), ("standard", bool)),
    "defenses": (("guarantee", str),),
    "datasets": (("model", str), ("split", str), ("training", "Training")),
}
"""Class variables that a component must have besides its version. A type is a name if its import would take long."""


def import_class(entry: Entry) -> type[Component]:
    """Import the class of a component in this process, without isolation.

    Raises:
        UsageError: If the class cannot be imported, or is not of its kind.
    """
    module, _, attribute = entry.target.partition(":")
    try:
        loaded = getattr(import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(entry.not_loaded(describe(error))) from error
    interfaces = import_module(f"{PACKAGE}.benchmark.interfaces")
    base = getattr(interfaces, _BASES[entry.kind])
    if not (isinstance(loaded, type) and issubclass(loaded, base)):
        raise UsageError(
            f"Expected a subclass of {base.__name__}, got {_kind_of(loaded)} for {entry.provided}. "
            "Correct its entry point."
        )
    check_class_variables(entry.kind, loaded, entry.provided)
    return loaded


def _kind_of(loaded: object) -> str:
    """Describe what an entry point names, without the code of a plug-in."""
    if not isinstance(loaded, type):
        return clean(object.__repr__(loaded))
    bases = [each.__name__ for each in loaded.__mro__[1:] if each.__module__.startswith(f"{PACKAGE}.")]
    return clean(f"the class {loaded.__name__}" + (f", which is one of {bases[0]}" if bases else ""))


def check_class_variables(kind: Kind, component: type[Component], words: str) -> None:
    """Check that a class has the variables that its kind needs.

    Args:
        kind: The kind of the component.
        component: The class.
        words: What it is, for the message.

    Raises:
        UsageError: If a variable is missing or of another type.
    """
    interfaces = import_module(f"{PACKAGE}.benchmark.interfaces")
    for name, expected in (("version", int), *_ATTRIBUTES.get(kind, ())):
        allowed = getattr(interfaces, expected) if isinstance(expected, str) else expected
        if not isinstance(getattr(component, name, None), allowed):
            raise UsageError(
                f"The {words} has no class variable {name!r} of type {allowed.__name__}. Set it as in "
                f"`{name}: ClassVar[{allowed.__name__}] = ...`."
            )
