"""What the declarations of several commands share."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FLAG = ""
"""What stands for the value of an option without one; typer would write ``<bool>``."""


def example(*commands: str) -> str:
    """Return the epilog of a command: one line for each example."""
    return "\n\n".join(f"Example: {command}" for command in commands)


@contextmanager
def hints_at_options_of(command: Callable[..., object]) -> Iterator[None]:
    """Let the error about an unknown option suggest the options that a command declares, too."""
    from ...registry.sweeps import UnknownOption

    try:
        yield
    except UnknownOption as error:
        raise error.among(option_names(command)) from error


def option_names(command: Callable[..., object]) -> list[str]:
    """Return the options that a command declares, as users write them.

    Example:
        >>> def command(data_dir: str = "data") -> None: ...
        >>> option_names(command)
        ['--data-dir']
    """
    return [f"--{name.replace('_', '-')}" for name in inspect.signature(command).parameters]
