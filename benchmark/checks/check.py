"""What a check is, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from unittest import SkipTest

from ..errors import ContractError, UsageError, describe, message_of

T = TypeVar("T")


class Failed(AssertionError):
    """A check has found a fault; the message describes it.

    Example:
        >>> require(False, "The attack ignores the wire.")
        Traceback (most recent call last):
        ...
        mia_bench.benchmark.checks.check.Failed: The attack ignores the wire.
    """


class Skipped(SkipTest):
    """A check does not apply to a component; the message says why. Test runners count it as a skipped test.

    Example:
        >>> def check_on_a_gpu() -> None:
        ...     raise Skipped("There is no CUDA device.")
        >>> print(*outcomes([Check("runs on a gpu", "The component works on a GPU.", check_on_a_gpu)]))
        skipped  runs on a gpu: There is no CUDA device.
    """


@dataclass(frozen=True)
class Check:
    """One check of one component. A call raises ``Failed``, ``Skipped``, or what the component raises.

    Attributes:
        name: The name of the check, in words.
        about: What the check looks at, in one sentence.
        body: Does the work; returns a remark, or None.

    Example:
        >>> Check("wires", "There is one wire per image.", lambda: "8 wires")()
        '8 wires'
    """

    name: str
    about: str
    body: Callable[[], str | None]

    def __call__(self) -> str | None:
        """Carry out the check.

        Returns:
            A remark about a passed check, or None.

        Raises:
            Failed: If the check finds a fault.
            Skipped: If the check does not apply.
        """
        return self.body()

    def __str__(self) -> str:
        """Return the name, which serves as the id of a test."""
        return self.name


@dataclass(frozen=True)
class Outcome:
    """How a check ended.

    Attributes:
        name: The name of the check.
        status: ``ok``, ``failed`` or ``skipped``.
        reason: Why the check failed or was skipped; a remark or an empty text where it passed.

    Example:
        >>> print(Outcome("wires", "ok", "8 wires"))
        ok       wires: 8 wires
    """

    name: str
    status: Literal["ok", "failed", "skipped"]
    reason: str = ""

    def __str__(self) -> str:
        """Return one line for the terminal."""
        return f"{self.status:8} {self.name}{': ' if self.reason else ''}{self.reason}"


def outcomes(checks: Sequence[Check]) -> Iterator[Outcome]:
    """Carry out checks one after the other. An exception that a component raises counts as a failure."""
    for check in checks:
        try:
            yield Outcome(check.name, "ok", check() or "")
        except Skipped as reason:
            yield Outcome(check.name, "skipped", message_of(reason))
        except (Failed, UsageError) as reason:
            yield Outcome(check.name, "failed", message_of(reason))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            yield Outcome(check.name, "failed", describe(error))


def require(condition: object, complaint: str) -> None:
    """Raise ``Failed`` with a complaint unless the condition holds."""
    if not condition:
        raise Failed(complaint)


def as_in_a_run(requirement: Callable[..., T], *given: Any) -> T:
    """Return what a requirement returns that a run has, too; raise ``Failed`` if it is not met."""
    try:
        return requirement(*given)
    except ContractError as error:
        raise Failed(str(error)) from error
