"""The commands that the README and the documentation show are understood."""

import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from mia_bench.benchmark.cli import app
from mia_bench.benchmark.datasets import cifar10, mnist, photos, whole_photos
from mia_bench.benchmark.datasets._division import divide_pools
from mia_bench.benchmark.leaderboard.submissions.writing import write_submission
from typer.main import get_command
from typer.testing import CliRunner

from ..helpers.brief import shorten_training
from ..helpers.trees import idx_files, image_tree, jpeg_tree

ROOT = Path(__file__).parents[2]
PAGES = sorted((*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", *ROOT.glob("results/*.md")))
BLOCK = re.compile(r"^```sh\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def commands_of(page: Path) -> list[str]:
    """The commands in the blocks of a page, and those that are cells of a table; outputs have their own test."""
    text = page.read_text()
    shown = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    return [line for line in shown if line.startswith("mia-bench ")] + re.findall(r"\| `(mia-bench [^`]*)` \|", text)


SHOWN = {shlex.join(shlex.split(command, comments=True)) for page in PAGES for command in commands_of(page)}
"""Every command of the pages, once and without its comment."""
COMMANDS = sorted(
    command
    for command in SHOWN
    if "my_noise" not in command or command.startswith("mia-bench new")  # test_new.py installs it, and runs the rest
)

SLOW = r"^mia-bench (export|run (calibration|large-images|real-networks))\b|--figures"


@pytest.fixture(autouse=True)
def few_images(brief: Path, one_onnx_registry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give all datasets few images, and all networks few steps."""
    monkeypatch.setattr(whole_photos, "CROPS", 2)
    monkeypatch.setattr(photos, "MAX_PATCHES", {"train": 8, "aux": 8, "private": 10})
    for module in (cifar10, mnist):
        monkeypatch.setattr(
            module, "divide_pools", lambda train, test, classes, _: divide_pools(train, test, classes, 300)
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, brief_cache: Path) -> Path:
    """A folder with data, images and the results of a small run, as of several machines, and as a submission."""
    folder = tmp_path_factory.mktemp("tour")
    idx_files(folder / "data", "MNIST", train=600, test=300)
    jpeg_tree(folder / "data" / cifar10.FOLDER, cifar10.CLASSES, train=60, test=30)
    made = ["run", "--dataset", "imagefolder:size=16", "--data-dir", str(image_tree(folder / "my-images", test=22))]
    made += ["--model", "lenet5", "--split", "conv1", "--images", "4", "--defense", "undefended"]
    with pytest.MonkeyPatch.context() as patch:
        shorten_training(patch)
        patch.setenv("MIA_BENCH_CACHE", str(brief_cache))
        result = CliRunner().invoke(app, [*made, "--attack", "mean_image", "--out", str(folder / "results")])
    assert result.exit_code == 0, result.stderr
    for name in ("laptop", "server", "both", "before", "after"):
        shutil.copytree(folder / "results", folder / name)
    write_submission(folder / "results", folder / "submission.zip")
    return folder


def words_of(command: str, place: Path, out: Path) -> list[str]:
    """The command's words without its comment; it reads what is in ``place``, and writes to ``out``."""
    words = shlex.split(command)[1:]
    if words[0] == "run":
        known = {name: str(place / name) for name in ("data", "my-images")}
        return [*(known.get(word, word) for word in words), "--dry-run", "--out", str(out / "results")]
    if words[0] == "splits":
        planned = [] if "--dry-run" in words else ["--dry-run"]
        if "--figure" in words:  # There is nothing to draw before cells are done.
            at = words.index("--figure")
            words = [*words[:at], *words[at + 2 :]]
        return [
            *(str(place / word) if (place / word).exists() else word for word in words),
            *planned,
            "--out",
            str(out / "results"),
        ]
    if words[0] == "new":
        return [*words, "--out", str(out / "package")]
    known = {word: str(place / word) for word in words if (place / word).exists()}
    known |= {"data": str(place / "my-images")} if words[0] == "verify" else {}
    return [
        str(out / word) if before in ("-o", "--figures") else known.get(word, word)
        for before, word in pairwise(["", *words])
    ]


def test_the_pages_show_every_command() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]

    assert {command.split()[1] for command in SHOWN} - {"--version"} == commands


@pytest.mark.parametrize(
    "command",
    [pytest.param(each, marks=[pytest.mark.slow] if re.search(SLOW, each) else []) for each in COMMANDS],
)
def test_every_command_of_the_pages_is_understood(
    command: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"  # some commands write to the current folder
    elsewhere.mkdir()
    (elsewhere / "results").symlink_to(ROOT / "results")  # where results/papers is
    monkeypatch.chdir(elsewhere)

    result = CliRunner().invoke(app, words_of(command, place, tmp_path))

    limited = command.split()[1] == "splits" and "--max-" in command  # 1 says that no line meets the limits
    assert result.exit_code in ((0, 1) if limited else (0,)), result.stderr


@pytest.mark.parametrize("page", ["README.md", "docs/get-started/install.md", "CONTRIBUTING.md"])
def test_every_make_command_is_a_target_of_the_makefile(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text()

    for target in re.findall(r"^make (\w+)|`make (\w+)`", (ROOT / page).read_text(), flags=re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, flags=re.MULTILINE), target
