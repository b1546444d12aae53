"""`mia-bench export`: files that ONNX Runtime runs as torch does, or a sentence."""

import errno
import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mia_bench import drop_low_bits
from mia_bench.benchmark.evaluation import targets
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.protection import defended
from mia_bench.benchmark.interfaces import Channel, SplitModel
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.defenses.dp_ir import DpIr
from PIL import Image
from torch import nn
from torchvision.models import resnet18

from ...helpers.commands import mia_bench

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.usefixtures("brief", "one_onnx_registry")

SMALL = ("--dataset", "imagefolder:size=16")
LENET = ("--model", "lenet5", "--split", "relu1")


def export(
    tree: Path, out: Path, *words: str | Path, network: tuple[str, ...] = LENET, data: tuple[str, ...] = SMALL
) -> dict[str, Any]:
    """The description that an export writes."""
    result = mia_bench("export", *data, "--data-dir", tree, "-o", out, *network, *words)
    assert result.exit_code == 0, result.output
    assert [line.rpartition("/")[2] for line in result.stdout.splitlines()] == [
        "client.onnx",
        "server.onnx",
        "split.json",
    ]
    return json.loads((out / "split.json").read_text())


def in_onnx_runtime(folder: Path, images: np.ndarray, **noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The wire and the logits that the files compute."""
    client, server = (onnxruntime.InferenceSession(folder / name) for name in ("client.onnx", "server.onnx"))
    (wire,) = client.run(None, {"image": images, **noise})
    (logits,) = server.run(None, {"wire": wire})
    return wire, logits


def in_torch(tree: Path, defense: str) -> SplitModel:
    setting = plan(Request(dataset=SMALL[1], model="lenet5", split="relu1", attacks="mean_image", defenses=defense))[
        -1
    ].setting
    bench = Artifacts(device=torch.device("cpu"), data_dir=tree)
    target = bench.targets.get(setting.dataset, setting.model, 0)
    return defended(setting, target.split("relu1"), bench.pools(setting.dataset).train)


@pytest.mark.slow
def test_the_files_compute_the_logits_of_the_trained_target_for_any_number_of_images(
    tree: Path, tmp_path: Path
) -> None:
    described = export(tree, tmp_path / "out")
    model = in_torch(tree, "undefended")

    for images in (torch.rand(1, 3, 16, 16), torch.rand(6, 3, 16, 16)):
        _, logits = in_onnx_runtime(tmp_path / "out", images.numpy())
        assert np.abs(logits - model.classify(images).numpy()).max() < 1e-4
    assert described["client"]["inputs"]["image"] == {
        "shape": ["batch", 3, 16, 16],
        "dtype": "float32",
        "range": [0, 1],
        "layout": "NCHW, RGB",
    }
    assert described["client"]["normalization"]["mean"] == model.client[0].mean.flatten().tolist()
    assert described["classes"] == sorted(path.name for path in (tree / "train").iterdir())
    assert described["wire_bytes"] == model.send(torch.rand(1, 3, 16, 16)).nbytes
    assert described["server"]["outputs"]["logits"]["shape"] == ["batch", len(described["classes"])]
    private = sum(path.is_file() for path in (tree / "test").rglob("*"))
    assert shlex.split(described["evaluate"]) == [
        *("mia-bench", "run", *SMALL, *LENET, "--defense", "undefended", "--seed", "0", "--images", str(private)),
        *("--data-dir", str(tree)),
    ]
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.slow
def test_outputs_without_names_of_classes_have_the_shape_of_the_answer(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from torch import nn\ndef build(): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))\n"
    )
    (tmp_path / "export_maps.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    weights = tmp_path / "maps.pt"
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
    torch.save(network.state_dict(), weights)
    maps = ("--model", f"python:build=export_maps:build,weights={weights}", "--split", "1")

    described = export(tree, tmp_path / "out", network=maps, data=("--dataset", "imagefolder:size=16,task=unlabeled"))

    _, answer = in_onnx_runtime(tmp_path / "out", np.zeros((1, 3, 16, 16), np.float32))
    assert f"--model python:build=export_maps:build,weights={weights}" in described["evaluate"]
    assert described["classes"] == []
    assert described["server"]["outputs"]["logits"]["shape"] == ["batch", *answer.shape[1:]] == ["batch", 2, 12, 12]


@pytest.mark.slow
@pytest.mark.parametrize("folder", [False, True])
def test_the_command_that_evaluates_runs_in_any_folder(
    folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my data").mkdir()
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
    np.savez(tmp_path / "my data" / "x.npz", images=images, labels=np.arange(12) % 2)
    monkeypatch.chdir(tmp_path)
    given = ("npz:path=x.npz", "--data-dir", "my data") if folder else ("npz:path=my data/x.npz",)
    result = mia_bench("export", "--dataset", *given, "-o", "out", *LENET)
    assert result.exit_code == 0, result.output
    command = shlex.split(json.loads(Path("out/split.json").read_text())["evaluate"])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")

    again = mia_bench(*command[1:], "--attack", "mean_image", "--quiet")

    assert again.exit_code == 0, again.output
    expected = ["npz:path=x.npz", str(tmp_path / "my data")] if folder else [f"npz:path={tmp_path / 'my data/x.npz'}"]
    assert [word for word in command if "data" in word or "npz" in word][1::2] == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("defense", "changed"),
    [
        ("dp_ir", []),
        ("deeper_client:to=conv2", []),
        ("quantize:tuning_epochs=0", []),
        ("quantize", ["server.onnx"]),
        ("cem", ["client.onnx", "server.onnx"]),
    ],
)
def test_files_with_other_weights_than_the_network_are_named(
    defense: str, changed: list[str], tree: Path, tmp_path: Path
) -> None:
    described = export(tree, tmp_path / "out", "--defense", defense)

    named = [re.match(r"Deploy (\S+) as it is\. The defense changed its weights", line) for line in described["to_do"]]
    assert [each[1] for each in named if each] == changed


DIVERGING = """
from torch import nn

class Odd(nn.Module):
    def forward(self, value):
        return value + (value - value.detach()).sqrt()  # its slope is infinite

def build(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(768, classes), Odd(), nn.ReLU())
"""


def test_a_training_that_diverges_is_a_sentence(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "export_odd.py").write_text(DIVERGING)
    monkeypatch.syspath_prepend(tmp_path)
    odd = ("--model", "python:build=export_odd:build", "--split", "0")

    result = mia_bench("export", *SMALL, "--data-dir", tree, "-o", tmp_path / "out", *odd)

    assert result.exit_code == 2
    assert re.search(
        r"Error: Expected finite values, got NaN or infinity in [\w.]+: the training of python\S+ diverged\. "
        r"Give trained weights, normalize the images or features, or use a smaller network\.$",
        " ".join(result.stderr.split()),
    )


@pytest.mark.parametrize("error", [ValueError("Odd sizes."), OSError("Odd sizes.")])
@pytest.mark.parametrize(
    ("owner", "name", "remedy"),
    [
        (targets, "train_target", "Choose another network, or mend it."),
        (DpIr, "protect", "Choose another defense, or mend it."),
        (Channel, "packed_bytes", "Choose another defense, or mend it."),
    ],
)
def test_an_error_of_a_component_is_a_sentence(
    owner: object,
    name: str,
    remedy: str,
    error: Exception,
    cache: Path,
    tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(owner, name, fails)
    result = mia_bench("export", *SMALL, "--data-dir", tree, "-o", tmp_path / "out", *LENET, "--defense", "dp_ir")

    assert result.exit_code == 2
    assert f"to succeed, got an error: Odd sizes. {remedy}" in " ".join(result.stderr.split())


def test_a_folder_that_cannot_be_written_is_refused_before_training(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets.TargetStore, "get", lambda *_: pytest.fail("It trained."))
    (tmp_path / "file").write_text("mine")
    result = mia_bench("export", *SMALL, "--data-dir", tree, "-o", tmp_path / "file" / "out", *LENET)

    assert result.exit_code == 2
    assert f"Cannot write {tmp_path / 'file' / 'out'}: Not a directory. Choose another --out." in result.stderr


def test_a_full_disk_is_a_sentence_and_leaves_no_files(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    result = mia_bench("export", *SMALL, "--data-dir", tree, "-o", tmp_path / "out", *LENET)

    assert (result.exit_code, list((tmp_path / "out").iterdir())) == (2, [])
    assert f"Cannot write {tmp_path / 'out'}: No space left on device. Choose another --out." in result.stderr


@pytest.mark.slow
def test_the_noise_of_a_defense_is_an_input_without_which_the_client_does_not_run(tree: Path, tmp_path: Path) -> None:
    described = export(tree, tmp_path / "out", "--defense", "dp_ir", "--sigma", "0.5")
    images = torch.rand(2, 3, 16, 16)
    (noise,) = (facts for name, facts in described["client"]["inputs"].items() if name == "noise")
    drawn = np.random.default_rng(0).standard_normal((2, *noise["shape"][1:]), dtype=np.float32)

    silent, _ = in_onnx_runtime(tmp_path / "out", images.numpy(), noise=0 * drawn)
    wire, _ = in_onnx_runtime(tmp_path / "out", images.numpy(), noise=drawn)

    model = in_torch(tree, "dp_ir:sigma=0.5")
    clean = model.ir_channel.clean(model.client(images))
    assert np.allclose(silent, drop_low_bits(clean, 0.5).numpy(), atol=2**-9 + 1e-5)  # a step, if rounded otherwise
    assert np.allclose(wire - silent, 0.5 * drawn, atol=2**-9 + 1e-5)
    assert not (wire % 2**-9).any()
    assert (noise["distribution"], noise["mean"], noise["standard_deviation"]) == ("normal", 0, 1)
    assert described["defense"]["epsilon"] is None
    assert any("cryptographically secure generator" in sentence for sentence in described["to_do"])
    with pytest.raises(Exception, match="noise"):
        in_onnx_runtime(tmp_path / "out", images.numpy())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("defense", "inputs"),
    [
        ("dp_ir:noise=laplacian", ["image", "noise", "noise_1"]),
        ("dp_input", ["image", "noise"]),
        ("dropout", ["image", "noise"]),
        ("shredder:tuning_epochs=0", ["image", "noise"]),
        ("vib:tuning_epochs=1", ["image", "noise"]),
        ("quantize:tuning_epochs=0", ["image"]),
        ("topk:tuning_epochs=0", ["image"]),
        ("fc_before_send:width=8", ["image"]),
        ("deeper_client", ["image"]),
    ],
)
def test_every_channel_becomes_a_graph_that_equals_torch(
    defense: str, inputs: list[str], tree: Path, tmp_path: Path
) -> None:
    described = export(tree, tmp_path / "out", "--defense", defense)  # the command compares the numbers

    assert list(described["client"]["inputs"]) == inputs
    assert described["checked"]["logit_difference"] < 1e-4


@pytest.mark.slow
def test_given_weights_are_exported_at_a_cut_of_a_published_network(tree: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = resnet18(num_classes=3).eval()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    model = f"torchvision:name=resnet18,weights={tmp_path / 'w.pth'},mean=0.4,std=0.3"
    described = export(tree, tmp_path / "out", network=("--model", model, "--split", "layer1.0"))
    images = torch.rand(2, 3, 16, 16)

    _, logits = in_onnx_runtime(tmp_path / "out", images.numpy())

    assert np.abs(logits - network((images - 0.4) / 0.3).detach().numpy()).max() < 1e-4
    assert described["split"] == "layer1.0"
    assert re.search(r"weights=sha256:[0-9a-f]{16}", described["model"])
    assert str(tmp_path).encode() not in (tmp_path / "out" / "client.onnx").read_bytes()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--defense", "tee"), "Expected a defense whose client sends one tensor, got tee, which changes the protocol"),
        (("--defense", "dp_ir:clip=3"), "Expected noise that a graph can add, got dp_ir:clip=3"),
        (("--defense", "deeper_client:to=fc3"), "Expected layers behind the split, got none with deeper_client:to=fc3"),
        (
            ("--defense", "dp_ir,dropout"),
            "Expected one network to export, got 2: imagefolder:size=16 lenet5 relu1 dp_ir",
        ),
        (("--model", "lenet5", "--split", "relu*"), "Expected one network to export, got 4"),
        (("--model", "lenet5", "--split", "relu9"), "Unknown split 'relu9'"),
        (("--sigam", "1"), "No chosen attack or defense has the option --sigam"),
        (("quick",), "Expected options only, got 'quick'"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_sentence(
    words: tuple[str, ...], sentence: str, tree: Path, tmp_path: Path
) -> None:
    network = () if "--split" in words else LENET
    result = mia_bench("export", *SMALL, *network, "--data-dir", tree, "-o", tmp_path / "out", *words)

    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_files_of_an_earlier_export_are_replaced_only_with_force(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "server.onnx").write_text("mine")
    result = mia_bench("export", *SMALL, *LENET, "--data-dir", tree, "-o", tmp_path)
    assert result.exit_code == 2
    assert f"Expected a folder without server.onnx, got {tmp_path}." in " ".join(result.stderr.split())
    assert (tmp_path / "server.onnx").read_text() == "mine"

    export(tree, tmp_path, "--force")

    assert (tmp_path / "server.onnx").read_bytes() != b"mine"


@pytest.mark.slow
def test_graphs_of_two_exports_are_never_described_together(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export(tree, out)
    replace = os.replace

    def killed(source: str | Path, to: str | Path) -> None:
        if Path(to) == out / "server.onnx":
            raise KeyboardInterrupt
        replace(source, to)

    monkeypatch.setattr(os, "replace", killed)
    result = mia_bench("export", *SMALL, *LENET, "--data-dir", tree, "-o", out, "--force", "--defense", "dropout")

    assert result.exit_code
    assert sorted(path.name for path in out.glob("*")) == ["client.onnx", "server.onnx"]


@pytest.mark.slow
def test_evenly_colored_images_do_not_make_topk_differ(tree: Path, tmp_path: Path) -> None:
    for index, path in enumerate(sorted(tree.rglob("*.png"))):
        Image.new("RGB", (16, 16), (index, 255 - index, 7)).save(path)
    assert export(tree, tmp_path / "out", "--defense", "topk:tuning_epochs=0")["defense"]["name"] == "topk"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--split", "relu1,pool1"], 2),
        (["--split", "relu1", "--defense", "undefended,dp_ir"], 2),
        (["--split", "relu1", "--seed", "0,1"], 2),
    ],
)
def test_several_networks_are_refused_with_their_number(
    words: list[str], count: int, tree: Path, tmp_path: Path
) -> None:
    result = mia_bench("export", *SMALL, "--data-dir", tree, "-o", tmp_path / "out", "--model", "lenet5", *words)
    assert result.exit_code == 2
    assert f"Expected one network to export, got {count}: imagefolder:size=16 lenet5" in result.stderr
