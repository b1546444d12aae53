"""``python -m mia_bench``."""

import subprocess
import sys
from pathlib import Path


def test_the_package_can_be_executed(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "mia_bench", "list", "defences"]

    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 2
    assert "defenses" in done.stderr
