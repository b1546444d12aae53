"""The command line: ``commands`` declares the options of commands by topic, and one file does the work of each."""

from typing import TYPE_CHECKING, Any

from .interruption import end_on_ctrl_c

if TYPE_CHECKING:
    from .typer_app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line, as the console script ``mia-bench`` does."""
    end_on_ctrl_c()
    from .typer_app import start

    start()


def __getattr__(name: str) -> Any:
    """Load the program on first use, so that ``main`` runs before the imports of the program."""
    if name != "app":
        raise AttributeError(f"The module {__name__!r} has no attribute {name!r}.")
    from .typer_app import app

    return app
