"""Trained networks from outside, each evaluated by one command: CPU time, peak memory, and utility in plain torch.

Run: python performance/own_networks.py --data-dir TREE [--train 60] [--test 20] [--steps 15] [--keep DIR]

TREE holds train/<class>/*.jpg and test/<class>/*.jpg, such as the JPEG copies of CIFAR-10. The networks and the data
are written into a folder first, and each command can be run again there.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.transforms.functional import normalize, to_tensor
from usage import command

SIDE = 64
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
GIVEN = f"mean={MEAN},std={STD}".replace(" ", "")
RUN = ["--images", "4", "--attack", "ridge"]


@dataclass(frozen=True)
class Case:
    """A network from outside.

    Attributes:
        name: What it is.
        words: What ``run`` is given.
        column: The column of the board that is compared.
        expected: Its value in plain torch; None if there is nothing to compare.

    Example: ``Case("a network", ["--model", "onnx:path=net.onnx", "--split", "conv"], "accuracy", 0.9)``
    """

    name: str
    words: list[str]
    column: str
    expected: float | None = None


class Detector(nn.Module):
    """A map of boxes and scores, as detectors of one stage give it: (N, places, 4 + 10).

    Example: ``Detector().eval()(torch.rand(2, 3, 64, 64)).shape`` is (2, 4, 14).
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = torchvision.models.mobilenet_v3_small().features
        self.boxes, self.scores = nn.Conv2d(576, 4, 1), nn.Conv2d(576, 10, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return boxes and scores of all places."""
        maps = self.features(images)
        found = torch.cat([self.boxes(maps), self.scores(maps).sigmoid()], 1)
        return found.view(images.size(0), 14, -1).transpose(1, 2)


def main() -> None:
    """Print a table, one line for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--train", type=int, default=60, help="images of each class")
    parser.add_argument("--test", type=int, default=20, help="images of each class")
    parser.add_argument("--steps", type=int, default=15, help="steps for which networks are trained first")
    parser.add_argument("--keep", type=Path, help="folder that is kept")
    options = parser.parse_args()
    source = options.data_dir.resolve()
    folder = options.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    for split, count in (("train", options.train), ("test", options.test)):
        copy_images(source / split, count, Path("tree") / split)
    shutil.copytree("tree", "flat", copy_function=shutil.copy, dirs_exist_ok=True)
    print("| network | utility | in plain torch | CPU, peak memory |\n|---|---|---|---|")
    for number, case in enumerate([*classifiers(options.steps), detector(), regressor(10 * options.steps)]):
        used = command("run", *case.words, *RUN, "--out", f"out{number}")
        board = pd.read_csv(f"out{number}/leaderboard.csv")
        board = board[board["attack"] == "ridge"]
        assert set(board["status"]) == {"done"}, board["reason"].tolist()
        got = ", ".join(f"{row.defense} {getattr(row, case.column):.4f}" for row in board.itertuples())
        expected = "" if case.expected is None else f"{case.expected:.4f}"
        print(f"| {case.name} | {case.column}: {got} | {expected} | {used} |", flush=True)
        print(f"    mia-bench run {shlex.join([*case.words, *RUN])}", flush=True)
    if not options.keep:
        shutil.rmtree(folder)


def copy_images(source: Path, count: int, to: Path) -> None:
    """Copy so many images of each class."""
    for kind in sorted(source.iterdir()):
        (to / kind.name).mkdir(parents=True, exist_ok=True)
        for path in sorted(kind.iterdir())[:count]:
            shutil.copy(path, to / kind.name)


def images_of(split: str) -> tuple[Tensor, Tensor]:
    """Read images in [0, 1], (N, C, H, W), and their labels with Pillow and torchvision alone."""
    kinds = sorted((Path("tree") / split).iterdir())
    paths = [(path, label) for label, kind in enumerate(kinds) for path in sorted(kind.iterdir())]
    images = [Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC) for path, _ in paths]
    return torch.stack([to_tensor(image) for image in images]), torch.tensor([label for _, label in paths])


def train(network: nn.Module, inputs: Tensor, labels: Tensor, steps: int) -> nn.Module:
    """Train a network a little."""
    loss = nn.functional.cross_entropy if labels.dtype == torch.int64 else nn.functional.mse_loss
    stepper = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(steps):
        chosen = torch.randperm(len(inputs))[:48]
        stepper.zero_grad()
        loss(network(inputs[chosen]), labels[chosen]).backward()
        stepper.step()
    return network.eval().requires_grad_(False)


def classifiers(steps: int) -> list[Case]:
    """Train a ResNet and a transformer, and measure their accuracies."""
    torch.manual_seed(0)
    (inputs, labels), (tests, truth) = images_of("train"), images_of("test")
    inputs, tests = normalize(inputs, MEAN, STD), normalize(tests, MEAN, STD)
    resnet = torchvision.models.resnet18(num_classes=10)
    for part in resnet.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 0.5
    train(resnet, inputs, labels, steps)
    torch.save(resnet.state_dict(), "resnet18.pth")
    export(resnet, "resnet18.onnx", 3, SIDE)
    vit = train(timm.create_model("vit_tiny_patch16_224", num_classes=10, img_size=SIDE), inputs, labels, steps)
    save_file(vit.state_dict(), "vit.safetensors")
    right = [float((network(tests).argmax(1) == truth).float().mean()) for network in (resnet, vit)]
    data = ["--dataset", f"imagefolder:size={SIDE}", "--data-dir", "tree", "--defense", "undefended"]
    return [
        Case(
            "resnet18 of torchvision, given weights",
            [*data, "--model", "torchvision:name=resnet18,weights=resnet18.pth", "--split", "layer1"],
            "accuracy",
            right[0],
        ),
        Case(
            "the same as an ONNX file",
            [*data, "--model", f"onnx:path=resnet18.onnx,{GIVEN}", "--split", "layer1.1.relu_1.Relu"],
            "accuracy",
            right[0],
        ),
        Case(
            "vision transformer of timm, cut between tokens",
            [
                *data,
                "--model",
                f"timm:name=vit_tiny_patch16_224,weights=vit.safetensors,{GIVEN}",
                "--split",
                "blocks.1",
            ],
            "accuracy",
            right[1],
        ),
    ]


def detector() -> Case:
    """Write a detector of random weights, normalized for the images."""
    torch.manual_seed(0)
    network = Detector().train()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = None
    with torch.no_grad():
        network(images_of("test")[0])
    export(network.eval(), "detector.onnx", 3, SIDE)
    data = ["--dataset", f"imagefolder:size={SIDE},task=unlabeled", "--data-dir", "flat"]
    model = [
        "--model",
        "onnx:path=detector.onnx",
        "--split",
        "features.1.block.0.0.Conv",
        "--defense",
        "dp_ir:sigma=0.5",
    ]
    return Case("detector as an ONNX file, images without labels", [*data, *model], "agreement")


def regressor(steps: int) -> Case:
    """Train a network that finds a bright spot, and measure the share of the variance that it explains."""
    torch.manual_seed(0)
    places, grid = torch.rand(600, 2), torch.linspace(0, 1, 32)
    distance = (grid[:, None] - places[:, 0, None, None]) ** 2 + (grid - places[:, 1, None, None]) ** 2
    spots = (200 * torch.exp(-distance / 0.01) + 40 * torch.rand(600, 32, 32)).round().byte()
    arrays = {"train_images": spots[:480], "train_labels": places[:480], "test_images": spots[480:]}
    np.savez("spots.npz", **{key: each.numpy() for key, each in {**arrays, "test_labels": places[480:]}.items()})
    network = nn.Sequential(
        *(nn.Conv2d(1, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 8, 5, 2, 2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(512, 32), nn.ReLU(), nn.Linear(32, 2)),
    )
    inputs = spots[:, None] / 255
    train(network, inputs[:480], places[:480], steps)
    export(network, "regressor.onnx", 1, 32)
    errors = (network(inputs[480:]) - places[480:]).square().sum(0)
    r2 = 1 - errors / (places[480:] - places[480:].mean(0)).square().sum(0)
    words = ["--dataset", "npz:path=spots.npz,task=regression", "--model", "onnx:path=regressor.onnx"]
    return Case(
        "regression from an npz file",
        [*words, "--split", "1.Relu", "--defense", "undefended"],
        "utility",
        float(r2.mean()),
    )


def export(network: nn.Module, path: str, channels: int, side: int) -> None:
    """Write a network for any number of images as an ONNX file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.rand(2, channels, side, side),),
            path,
            dynamo=False,
            input_names=["images"],
            dynamic_axes={"images": {0: "count"}},
        )


if __name__ == "__main__":
    main()
