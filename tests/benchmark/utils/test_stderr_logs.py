"""What is logged, shown on stderr or not."""

import logging
import subprocess
import sys

import pytest
from mia_bench.benchmark.utils.stderr_logs import logs_on_stderr

logger = logging.getLogger("mia_bench.somewhere")


def test_messages_are_shown_from_a_level_upwards_while_the_block_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with logs_on_stderr(logging.INFO):
        logger.debug("a detail")
        logger.info("training %s", "[bold]lenet5")
        logger.warning("a doubt")
    logger.info("afterwards")

    assert capsys.readouterr().err == "training [bold]lenet5\na doubt\n"
    assert logging.getLogger("mia_bench").level == logging.NOTSET


def test_a_message_cannot_drive_the_terminal_and_is_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    with logs_on_stderr():
        logger.info("\x1b[31m%s", "x" * 200)

    assert capsys.readouterr().err == f"\\x1b[31m{'x' * 200}\n"


def test_a_library_prints_nothing_that_it_logs() -> None:
    code = "import logging, mia_bench; logging.getLogger('mia_bench.somewhere').error('unseen')"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)

    assert (done.stdout, done.stderr) == ("", "")


def test_a_library_that_configures_logging_does_not_print_messages_twice() -> None:
    code = (
        "import logging\nfrom mia_bench.benchmark.utils.stderr_logs import logs_on_stderr\n"
        "with logs_on_stderr():\n"
        "    logging.basicConfig(format='%(message)s')\n"  # as opacus does when it is imported
        "    logging.getLogger('mia_bench.runner').info('Running 2 cells.')\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr == "Running 2 cells.\n"
