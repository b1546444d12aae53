"""Signals that end a run, whatever a library makes of their exception."""

import signal
from collections.abc import Iterator

import pytest
from mia_bench.benchmark.runner.interruption import Interrupted, interruptible
from pydantic import BaseModel, field_serializer


class Slow(BaseModel):
    value: int = 0

    @field_serializer("value")
    def _while_the_user_presses_ctrl_c(self, value: int) -> int:
        signal.raise_signal(signal.SIGINT)
        return value


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is heard, which a process that a shell has started in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_a_signal_within_a_serializer_of_pydantic_is_an_interruption() -> None:
    with pytest.raises(Interrupted) as caught, interruptible():
        Slow().model_dump()

    assert caught.value.exit_code == 130


def test_an_error_without_a_signal_stays_what_it_is() -> None:
    with pytest.raises(ValueError, match="broken"), interruptible():
        raise ValueError("broken")
