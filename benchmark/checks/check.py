"""What a check is, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from unittest import SkipTest

from ..errors import UsageError, describe, message_of


class Failed(AssertionError):
    """A fault was found; the message says which."""


class Skipped(SkipTest):
    """A check says nothing about this component; the message says why. Test runners take it for a skip."""


@dataclass(frozen=True)
class Check:
    """One check of one component; a call raises ``Failed``, ``Skipped``, or what the component raises.

    Attributes:
        name: of the check, in words.
        about: what it looks at, in one sentence.
        body: does the work; returns a remark, or None.
    """

    name: str
    about: str
    body: Callable[[], str | None]

    def __call__(self) -> str | None:
        """Check."""
        return self.body()

    def __str__(self) -> str:
        """The name, as an id of a test."""
        return self.name


@dataclass(frozen=True)
class Outcome:
    """How a check ended.

    Attributes:
        name: of the check.
        status: ``ok``, ``failed`` or ``skipped``.
        reason: why it failed or was skipped; a remark, or nothing, where it is ok.
    """

    name: str
    status: Literal["ok", "failed", "skipped"]
    reason: str = ""

    def __str__(self) -> str:
        """One line."""
        return f"{self.status:8} {self.name}{': ' if self.reason else ''}{self.reason}"


def outcomes(checks: Sequence[Check]) -> Iterator[Outcome]:
    """Carry out checks, one after the other; whatever a component raises is its fault."""
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
    """Fail with a complaint unless the condition holds."""
    if not condition:
        raise Failed(complaint)
