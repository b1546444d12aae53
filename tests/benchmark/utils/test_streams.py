"""Standard streams that are closed, or that nobody reads any more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIST = [sys.executable, "-m", "mia_bench", "list", "attacks"]
WRONG = [sys.executable, "-m", "mia_bench", "list", "defences"]


@pytest.mark.parametrize(("words", "code"), [(LIST, 0), ([*LIST, "--help"], 0), (WRONG, 2)])
def test_a_reader_that_stops_early_does_not_change_the_exit_code(words: list[str], code: int, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(words, cwd=tmp_path, stdout=writer, stderr=writer)
    os.close(writer)

    assert done.returncode == code


def test_output_that_is_read_comes_through_a_pipe(tmp_path: Path) -> None:
    done = subprocess.run(LIST, cwd=tmp_path, capture_output=True, encoding="utf-8")

    assert "ridge" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("words", "code"), [(LIST, 0), (WRONG, 2)])
def test_closed_streams_are_no_error(words: list[str], code: int, tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-c", '"$@" >&- 2>&-', "sh", *words], cwd=tmp_path)

    assert done.returncode == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="There is no /dev/full.")
@pytest.mark.parametrize("words", [LIST, WRONG])
def test_output_onto_a_full_disk_is_an_error(words: list[str], tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, cwd=tmp_path, stdout=full, stderr=full)

    assert done.returncode == 2
