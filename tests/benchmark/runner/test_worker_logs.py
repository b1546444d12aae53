"""Log messages of workers reach the process that started them."""

import logging
from collections.abc import Iterator

import pytest
from mia_bench.benchmark.runner.worker_logs import LogMessage, forward_logs


@pytest.fixture
def sent() -> Iterator[list[LogMessage]]:
    """What this process sends, as if it were a worker that is asked for INFO and more."""
    found: list[LogMessage] = []
    package, root = logging.getLogger("mia_bench"), logging.getLogger()
    before = (package.level, list(root.handlers))
    forward_logs(logging.INFO, found.append)
    yield found
    package.setLevel(before[0])
    root.handlers[:] = before[1]


def test_messages_of_the_package_and_warnings_of_others_are_sent_on_one_line(sent: list[LogMessage]) -> None:
    logging.getLogger("mia_bench.defenses.ckks").info("%d rotation\nkeys", 3)
    logging.getLogger("mia_bench.defenses.ckks").debug("a detail")
    logging.getLogger("plug_in").warning("careful")
    logging.getLogger("plug_in").info("chatter")

    assert sent == [
        LogMessage("mia_bench.defenses.ckks", logging.INFO, "3 rotation keys"),
        LogMessage("plug_in", logging.WARNING, "careful"),
    ]


def test_a_delivered_message_obeys_the_levels_of_this_process(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "mia_bench"):
        LogMessage("mia_bench.x", logging.INFO, "100% done").deliver()
        LogMessage("mia_bench.x", logging.WARNING, "50% done").deliver()

    assert caplog.messages == ["50% done"]
