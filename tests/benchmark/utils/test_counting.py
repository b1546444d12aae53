"""Progress of long work: a bar on a terminal, lines elsewhere."""

import io
import logging

import pytest
from mia_bench.benchmark.utils import counting
from mia_bench.benchmark.utils.stderr_logs import logs_on_stderr
from rich.console import Console

LOGGER = logging.getLogger("mia_bench.tests")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=80, _environ={"TERM": "xterm"})
    monkeypatch.setattr(counting, "stderr_console", lambda: console)
    monkeypatch.setattr(counting, "BAR_SECONDS", -1.0)
    return text


def test_a_terminal_shows_a_bar(terminal: io.StringIO) -> None:
    with logs_on_stderr(), counting.counted(20, "Decoding images", LOGGER) as done:
        done(7)

    assert "Decoding images" in terminal.getvalue()
    assert "7/20" in terminal.getvalue()


@pytest.mark.parametrize("level", [logging.WARNING, None], ids=["quiet", "without messages"])
def test_there_is_no_bar_where_nothing_is_to_be_shown(terminal: io.StringIO, level: int | None) -> None:
    if level is None:
        with counting.counted(20, "Decoding images", logging.getLogger("elsewhere")) as done:
            done(7)
    else:
        with logs_on_stderr(level), counting.counted(20, "Decoding images", LOGGER) as done:
            done(7)

    assert not terminal.getvalue()


def test_short_work_shows_no_bar(terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "BAR_SECONDS", 60.0)
    with logs_on_stderr(), counting.counted(20, "Decoding images", LOGGER) as done:
        done(20)

    assert not terminal.getvalue()
