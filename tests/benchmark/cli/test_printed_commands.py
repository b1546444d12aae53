"""Commands that the program prints are typed as they are, whatever the names of files."""

import shlex
from pathlib import Path

import pytest
from mia_bench.benchmark.cli import profile
from mia_bench.benchmark.datasets.mnist import Mnist
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard.plan_file import write_plan
from mia_bench.benchmark.registry.hints import hint

from ...helpers.boards import cell, write
from ...helpers.commands import mia_bench


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["new", "defense", "my_noise", "-o", "my noise"], "pip install -e 'my noise' && mia-bench check my_noise"),
        (["submit", "my results", "-o", "all $x.zip"], "mia-bench verify 'all $x.zip'"),
        (["rate", "my results", "-o", "page.html"], "mia-bench rate 'my results' --ratings FILE.csv"),
        (["rank", "my results"], "mia-bench status 'my results'."),
        (["profile", "-o", "my device.toml"], "mia-bench splits --device-profile 'my device.toml'"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_paths_with_spaces_are_quoted_in_commands_to_copy(
    words: list[str], printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(profile, "measured_profile", lambda: "")
    write(Path("my results"), [cell("noise", "{}", "ridge", 20.0)])
    if words[0] == "rank":
        write_plan(Path("my results"), {"0" * 16: "a cell that is missing"})

    result = mia_bench(*words)

    assert result.exit_code == 0, result.output
    assert printed in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("kind", "name", "end"),
    [
        ("models", "my net.onnx", ["onnx:path=my net.onnx"]),
        ("models", "a,b.pth", ['torchvision:name=resnet18,weights="a,b.pth"']),
        ("datasets", "my data.npz", ["npz:path=my data.npz"]),
        ("datasets", "my images", ["--dataset", "imagefolder", "--data-dir", "my images"]),
    ],
)
def test_files_with_spaces_are_named_as_they_are_typed(
    kind: str, name: str, end: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my images").mkdir()

    assert shlex.split(hint(kind, name).removesuffix("."))[-len(end) :] == end


def test_a_folder_with_spaces_is_named_as_it_is_typed(tmp_path: Path) -> None:
    (tmp_path / "my data" / "MNIST").mkdir(parents=True)

    with pytest.raises(UsageError) as caught:
        Mnist().load(tmp_path / "my data" / "MNIST")

    assert f"Give --data-dir '{tmp_path / 'my data'}', which holds it." in str(caught.value)
