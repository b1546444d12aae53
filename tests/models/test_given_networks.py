"""A network with given weights from the command line: evaluated as it is, wherever it is cut."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
import torchvision
from mia_bench.benchmark.cli import app
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner.pinning import pin_cells
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import to_tensor
from typer.testing import CliRunner

from ..helpers.trees import image_tree

MEAN, STD = 0.4, 0.3
NORMALIZED = f"mean={MEAN},std={STD}"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_tree(tmp_path_factory.mktemp("images") / "tree")


@pytest.fixture(scope="module")
def network(images: Path) -> nn.Module:
    """A ResNet that was trained a little, so that some of its answers are right."""
    torch.manual_seed(0)
    built = torchvision.models.resnet18(num_classes=3)
    for part in built.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 0.5
    stepper = torch.optim.Adam(built.parameters(), 1e-3)
    train = list(labelled(images / "train"))
    batch, labels = torch.cat([image for image, _ in train]), torch.tensor([label for _, label in train])
    for _ in range(8):
        stepper.zero_grad()
        nn.functional.cross_entropy(built(batch), labels).backward()
        stepper.step()
    return built.eval()


def labelled(split: Path) -> Iterator[tuple[Tensor, int]]:
    """Normalized images (1, 3, 16, 16) and their labels, read without the package."""
    for label, folder in enumerate(sorted(split.iterdir())):
        for path in sorted(folder.iterdir()):
            yield (to_tensor(Image.open(path).convert("RGB"))[None] - MEAN) / STD, label


@torch.no_grad()
def accuracy_in_plain_torch(network: nn.Module, images: Path) -> float:
    right = [int(network(image).argmax(1)) == label for image, label in labelled(images / "test")]
    return sum(right) / len(right)


def run(images: Path, out: Path, model: str, *more: str) -> pd.DataFrame:
    words = ["run", "--dataset", "imagefolder:size=16", "--data-dir", str(images), "--model", model, "--images", "4"]
    words += ["--attack", "mean_image", "--defense", "undefended", "--out", str(out), *more]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return pd.read_csv(out / "leaderboard.csv")


@pytest.mark.slow
def test_given_weights_have_the_accuracy_of_plain_torch_at_every_cut(
    network: nn.Module, images: Path, tmp_path: Path
) -> None:
    torch.save({"state_dict": network.state_dict()}, tmp_path / "w.pth")
    board = run(
        images,
        tmp_path / "out",
        f"torchvision:name=resnet18,weights={tmp_path / 'w.pth'},{NORMALIZED}",
        "--split",
        "layer*,layer1.0,fc",
    )
    assert sorted(board["split"]) == sorted(["layer1.0", "layer1.1", "layer2.1", "layer3.1", "layer4.1", "fc"])
    expected = accuracy_in_plain_torch(network, images)
    assert board["accuracy"].tolist() == board["accuracy_undefended"].tolist() == pytest.approx([expected] * 6)
    assert board["model"].unique().tolist()[0].startswith("torchvision:name=resnet18,weights=sha256:")
    assert (board["status"] == "done").all()
    assert expected > 0.4


@pytest.mark.slow
def test_code_of_the_user_is_evaluated_by_worker_processes(
    network: nn.Module, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(network.state_dict(), tmp_path / "w.pth")
    (tmp_path / "my_network.py").write_text(
        "import torch, torchvision\n"
        "def build():\n"
        "    network = torchvision.models.resnet18(num_classes=3)\n"
        "    network.load_state_dict(torch.load('w.pth'))\n"
        "    return network\n"
    )
    monkeypatch.chdir(tmp_path)
    board = run(
        images,
        tmp_path / "out",
        f"python:build=my_network:build,{NORMALIZED}",
        "--split",
        "layer2.0,flatten",
        "--jobs",
        "2",
    )
    assert board["accuracy"].tolist() == pytest.approx([accuracy_in_plain_torch(network, images)] * 2)
    assert "content=sha256:" in board["model"][0]


def test_a_function_that_returns_equal_weights_twice_is_warned_about(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "seeded.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def build(classes):\n    torch.manual_seed(0)\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    artifacts = Artifacts(device=torch.device("cpu"), data_dir=images)

    pin_cells(
        plan(Request(dataset="imagefolder:size=16", model="python:build=seeded:build", split="1", attacks="ridge")),
        artifacts,
    )

    assert [record.message for record in caplog.records if "are not trained" in record.message] == [
        "python:build=seeded:build returns the same weights each time, so they are used as they are and are not "
        "trained. If they are not trained weights, do not set a seed in the function."
    ]


@pytest.mark.slow
def test_the_same_network_as_an_onnx_file_has_the_same_accuracy(
    network: nn.Module, images: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnx2torch")
    pytest.importorskip("onnxscript")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.rand(2, 3, 16, 16),),
            str(tmp_path / "net.onnx"),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    model = f"onnx:path={tmp_path / 'net.onnx'},{NORMALIZED}"
    board = run(images, tmp_path / "out", model, "--split", "node_relu*", "--jobs", "2")
    assert len(board) > 6
    assert board["accuracy"].tolist() == pytest.approx([accuracy_in_plain_torch(network, images)] * len(board))
    assert board["model"].unique().tolist()[0].startswith("onnx:path=sha256:")


@pytest.mark.slow
def test_a_network_is_evaluated_again_when_the_content_of_its_weights_changes(
    network: nn.Module, images: Path, tmp_path: Path
) -> None:
    bench = Artifacts(device=torch.device("cpu"), data_dir=images)

    def planned(path: Path) -> str:
        model = f"torchvision:name=resnet18,weights={path},{NORMALIZED}"
        request = Request(dataset="imagefolder:size=16", model=model, splits=["fc"], attacks=["mean_image"], images=4)
        return pin_cells(plan(request), bench)[0].cell_id("0" * 16)

    torch.save(network.state_dict(), tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes((tmp_path / "a.pth").read_bytes())
    first, same = planned(tmp_path / "a.pth"), planned(tmp_path / "b.pth")
    torch.save({name: each * 2 for name, each in network.state_dict().items()}, tmp_path / "a.pth")
    assert first == same
    assert planned(tmp_path / "a.pth") != first


@pytest.mark.slow
def test_a_new_head_is_trained_and_nothing_else(network: nn.Module, images: Path, tmp_path: Path) -> None:
    seven = {"fc.weight": torch.rand(7, 512), "fc.bias": torch.rand(7)}
    torch.save({**network.state_dict(), **seven}, tmp_path / "w.pth")
    model = f"torchvision:name=resnet18,weights={tmp_path / 'w.pth'},head=retrain,{NORMALIZED}"
    request = Request(dataset="imagefolder:size=16", model=model, splits=["layer1.0"], attacks=["mean_image"])
    setting = plan(request)[0].setting
    bench = Artifacts(device=torch.device("cpu"), data_dir=images)
    place = setting.dataset, setting.model, 0
    target, untrained = bench.targets.get(*place), bench.targets.structure(*place[:2])
    before = untrained.state_dict()
    changed = [name for name, weight in target.state_dict().items() if not torch.equal(weight, before[name])]
    assert changed == ["layers.fc.weight", "layers.fc.bias"]
    assert bench.targets.answers(*place).utility > 0.6
    assert not bench.targets.is_ready(setting) or bench.needs(setting).keys() == {"weights", "evaluators"}


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (
            "layer1.0.conv1",
            "2 values cross there, those of maxpool and layer1.0.conv1. The nearest cuts are relu, maxpool,",
        ),
        ("layer9", "Unknown split 'layer9'. Choose one of the layers: conv1, bn1"),
        (None, "Expected a split, since the one that imagefolder recommends is of cnn6: "),
    ],
)
def test_a_place_that_is_not_a_cut_ends_the_run_with_a_sentence(
    images: Path, tmp_path: Path, split: str | None, words: str
) -> None:
    plan = [
        "run",
        "--dataset",
        "imagefolder:size=16",
        "--data-dir",
        str(images),
        "--model",
        "torchvision:name=resnet18",
    ]
    result = CliRunner().invoke(app, [*plan, "--out", str(tmp_path), *(["--split", split] if split else [])])
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_a_suite_file_cannot_name_code(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text("open('ran', 'w')")
    for model in ('"python:build=evil:network"', '{name = "python", build = "evil:network"}'):
        Path("suite.toml").write_text(f"model = {model}\nsplit = 'all'\n")
        result = CliRunner().invoke(app, ["run", "suite.toml", "--out", "out"])
        assert result.exit_code == 2
        assert "Expected a suite without code, got the model" in result.stderr
    assert not Path("ran").exists()


@pytest.mark.slow
def test_no_command_imports_what_a_board_names(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text("open('ran', 'w')")
    board = run(images, tmp_path / "out", "lenet5", "--split", "conv1")
    record = next((tmp_path / "out" / "cells").glob("*.json"))
    for path in (tmp_path / "out" / "leaderboard.csv", record):
        path.write_text(path.read_text().replace("lenet5", "python:build=evil:network"))
    assert len(board) == 1
    for words in (["rank", "out"], ["status", "out"], ["audit", "out"], ["report", "out"], ["compare", "out", "out"]):
        CliRunner().invoke(app, words)
    run(images, tmp_path / "out", "lenet5", "--split", "conv2")
    assert not Path("ran").exists()
