"""The user's own code: found, called, and identified by its content."""

from __future__ import annotations

import copy
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import torch.export
from torch import nn

from ..benchmark.errors import UsageError, describe, reason_of
from ..benchmark.utils.installed_modules import is_installed
from ..benchmark.utils.isolation import isolated, restored_state
from ..benchmark.utils.network_parts import parts_of
from ..benchmark.utils.object_content import content_of
from ._graph import unwrapped

FORM = "Write python:build=package.module:function."
DIGITS = 8
"""Digits of the hash of a function, and of that of the networks that it builds."""

Builder = Callable[..., Any]
_identified = set[tuple[str, str]]()
"""Functions, as they are written, with the hashes of their code that this process has found."""


def call(written: str, **offered: Any) -> nn.Module:
    """Call a function with those arguments that it has.

    The process state is the one of the benchmark, and restored afterwards.

    Args:
        written: Module and function, such as ``package.module:function``; or the network itself, which is copied.
        offered: The arguments.

    Raises:
        UsageError: If it cannot be found, fails, or returns no network.
    """
    found = find(written)
    if isinstance(found, nn.Module):
        return copy.deepcopy(found)
    given = _wanted(written, found, offered)
    try:
        with restored_state(), _folder_of_the_call():
            network: Any = found(**given)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"Expected {written} to return a network, got {_reason(error)}{_place(error)}. Mend the function."
        ) from error
    if not isinstance(network, nn.Module):
        exported = isinstance(network, torch.export.ExportedProgram)
        mend = "Return program.module() of one that was exported after .eval()." if exported else "Mend it."
        raise UsageError(f"Expected {written} to return a torch.nn.Module, got {type(network).__name__}. {mend}")
    return network


def find(written: str) -> Builder | nn.Module:
    """Import a function, a class or a network.

    Random numbers that its module draws on import are the same in each process, and nothing that it changes of the
    process state remains.

    Raises:
        UsageError: If its module cannot be imported, or has none of that name.
    """
    module, _, name = written.partition(":")
    try:
        with isolated("import", module), _folder_of_the_call():
            imported = import_module(module)
    except UsageError:
        raise
    except ModuleNotFoundError as error:
        missing = error.name or ""
        where = "" if f"{module}.".startswith(f"{missing}.") else _place(error)
        raise UsageError(
            f"Expected a module that can be imported, got {written}: {reason_of(error)}{where}. Install it, or run in "
            "its folder."
        ) from error
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"Expected a module that can be imported, got {module}, which fails with {_reason(error)}{_place(error)}. "
            "Mend the module."
        ) from error
    found = getattr(imported, name, None)
    if not isinstance(found, nn.Module) and not callable(found):
        raise UsageError(f"Expected a function in {module}, got none named {name!r}. {FORM}")
    return found


def code_of(written: str, networks: tuple[nn.Module, nn.Module]) -> str:
    """Hash a function with all that it uses, and what two networks that it built have in common.

    So values that are random do not count, such as weights that a training replaces.

    Returns:
        Two hashes of 8 digits each with a dash between them: of the code, and of the networks.
    """
    first, second = (parts_of(unwrapped(each)) for each in networks)
    function, network = _hash_of(written), content_of(sorted(first.items() & second.items()))
    _identified.add((written, function))
    return f"{function}-{network[-DIGITS:]}"


def require_code(written: str, expected: str) -> None:
    """Raise if the code of a function is another one than ``code_of`` has hashed, such as in another process.

    Raises:
        UsageError: If it is.
    """
    wanted = expected.partition("-")[0]
    if (written, wanted) in _identified:
        return
    if (found := _hash_of(written)) != wanted:
        raise UsageError(
            f"Expected code {wanted} of {written}, got {found}. It has changed, or uses a global variable that "
            "changes. Run again, and keep such variables out of its module."
        )
    _identified.add((written, found))


def _hash_of(written: str) -> str:
    found = find(written)
    with isolated("code", written), _folder_of_the_call():
        return content_of(type(found) if isinstance(found, nn.Module) else found, strict=False)[-DIGITS:]


@contextmanager
def _folder_of_the_call() -> Iterator[None]:
    """Search modules in the current folder, too, after all others."""
    folder = os.getcwd()
    if folder in sys.path:
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(folder)


def _wanted(written: str, function: Builder, offered: dict[str, Any]) -> dict[str, Any]:
    """Return those arguments that a function has.

    Raises:
        UsageError: If it needs others.
    """
    try:
        known = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a function in C
        return {}
    variable = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    needed = [
        name
        for name, each in known.items()
        if each.default is each.empty and each.kind not in variable and name not in offered
    ]
    if needed:
        raise UsageError(
            f"Expected {written} to need no arguments but {' and '.join(offered)}, got {', '.join(needed)}. Give "
            "defaults, or name a function without these arguments that builds the network."
        )
    return {name: value for name, value in offered.items() if name in known}


def _reason(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    return describe(error).removesuffix(".")


def _place(error: BaseException) -> str:
    """Return the file and the line of the user's code at which an error occurred; nothing if it is unknown."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({Path(error.filename).name}, line {error.lineno})"
    frames = [
        frame
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if not is_installed(frame.f_globals.get("__name__", "")) and Path(frame.f_code.co_filename).is_file()
    ]
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if frames and frame is frames[-1]]
    return f" ({Path(frames[-1].f_code.co_filename).name}, line {lines[-1]})" if lines else ""
