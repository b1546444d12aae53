"""Processes that share nothing with their parent but its environment variables and its output."""

import os
import signal
import subprocess
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from mia_bench.benchmark.utils.spawn import ending, start_fresh


def ended(process: BaseProcess) -> str:
    process.join(60)
    return ending(process.exitcode)


def written(path: Path, expression: str) -> str:
    """The value of an expression in a fresh process."""
    code = f"import os, sys; open({str(path)!r}, 'w').write(str({expression}))"
    assert ended(start_fresh(exec, code, {})) == "exit code 0"
    return path.read_text()


def test_each_process_has_the_present_environment_variables_and_no_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIA_BENCH_OF_A_TEST", "first")
    assert written(tmp_path / "first", "os.environ.get('MIA_BENCH_OF_A_TEST')") == "first"
    monkeypatch.delenv("MIA_BENCH_OF_A_TEST")

    assert written(tmp_path / "second", "os.environ.get('MIA_BENCH_OF_A_TEST')") == "None"


def test_each_process_has_the_present_working_folder_and_search_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "site")

    assert written(tmp_path / "folder", "os.getcwd()") == str(tmp_path)
    assert written(tmp_path / "path", f"{str(tmp_path / 'site')!r} in sys.path") == "True"


@pytest.mark.slow
def test_modules_of_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    script = "from mia_bench.benchmark.utils.spawn import start_fresh; start_fresh(divmod, 7, 2).join()"
    (tmp_path / "script.py").write_text(script)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("random", "socket", "grp"):
        (folder / f"{name}.py").write_text("open('executed', 'w')")

    subprocess.run([sys.executable, tmp_path / "script.py"], cwd=folder, check=True, timeout=120)

    assert not (folder / "executed").exists()


def test_a_process_knows_nothing_of_the_modules_that_another_one_has_changed(tmp_path: Path) -> None:
    assert ended(start_fresh(exec, "import os; os.sep = 'changed'", {})) == "exit code 0"

    assert written(tmp_path / "sep", "os.sep") == os.sep


@pytest.mark.parametrize(
    ("code", "words"),
    [("raise SystemExit(3)", "exit code 3"), ("os._exit(0)", "exit code 0"), ("os.kill(os.getpid(), 9)", "SIGKILL")],
)
def test_a_process_that_ends_is_described_and_the_next_one_starts(code: str, words: str, tmp_path: Path) -> None:
    assert words in ended(start_fresh(exec, f"import os; {code}", {}))

    assert written(tmp_path / "next", "1 + 1") == "2"


def test_an_interrupt_does_not_reach_a_process(tmp_path: Path) -> None:
    blocked = written(tmp_path / "blocked", "__import__('signal').pthread_sigmask(0, [])")

    assert repr(signal.SIGINT) in blocked
