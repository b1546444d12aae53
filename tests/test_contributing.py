"""Adding a defense is adding one file: the one of CONTRIBUTING.md, in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .helpers.trees import image_tree

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_file_of_the_guide_is_a_working_defense(tmp_path: Path) -> None:
    package = tmp_path / "site" / "mia_bench"
    for folder in ("attacks", "benchmark", "defenses", "models"):
        shutil.copytree(ROOT / folder, package / folder)  # with its bytecode
    shutil.copy(ROOT / "__init__.py", package)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.DOTALL)
    (package / "defenses" / "my_noise.py").write_text(code)
    tree = image_tree(tmp_path / "images")

    def mia_bench(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mia_bench", *words],
            env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
            cwd=tmp_path,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    small = ["--dataset", "imagefolder:size=16", "--data-dir", str(tree), "--model", "lenet5", "--split", "conv1"]
    attacks = ["--images", "4", "--attack", "ridge", "--attack", "white_box:iterations=10"]
    result = mia_bench("run", *small, *attacks, "--defense", "my_noise", "--width", "0.5")

    assert "Add uniform noise to the IR." in mia_bench("list", "defenses")
    assert len(re.findall(r"my_noise:width=0\.5 +(ridge|white_box:iterations=10|mean_image) +[\d.]+", result)) == 3
