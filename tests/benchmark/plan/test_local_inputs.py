"""Which cells name files or code of the machine that computed them."""

import sys

import pytest
from mia_bench.benchmark.plan.local_inputs import local_inputs

CODE = "python:build=antigravity:fly"


@pytest.mark.parametrize(
    ("dataset", "model", "expected"),
    [
        ("mnist", "lenet5", []),
        ("photos", "torchvision:name=resnet18,pretrained=true", []),
        ("mnist", CODE, [CODE]),
        ("mnist", "onnx:path=net.onnx", ["onnx:path=net.onnx"]),
        ("mnist", "torchvision:name=resnet18,weights=w.pt", ["torchvision:name=resnet18,weights=w.pt"]),
        ("npz:path=/etc/passwd", "cnn6", ["npz:path=/etc/passwd"]),
    ],
)
def test_files_and_code_are_found_without_touching_them(dataset: str, model: str, expected: list[str]) -> None:
    assert local_inputs({"dataset": dataset, "model": model}) == expected
    assert "antigravity" not in sys.modules
