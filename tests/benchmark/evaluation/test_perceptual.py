"""The perceptual columns: switched on, left empty with a reason, filled later."""

import sys
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from mia_bench import UsageError
from mia_bench.benchmark.evaluation.perceptual import PerceptualMeasures
from mia_bench.benchmark.runner.jobs import CellJob
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import alexnet

from ...helpers.boards import cell


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    """A file of random weights of AlexNet."""
    path = tmp_path / "alexnet.safetensors"
    save_file(layers(), path)
    return path


def layers() -> dict[str, Tensor]:
    """Return random weights of the convolutional layers of AlexNet."""
    torch.manual_seed(0)
    with torch.device("meta"):
        shapes = {f"features.{name}": each.shape for name, each in alexnet().features.state_dict().items()}
    return {name: 0.05 * torch.randn(shape) for name, shape in shapes.items()}


@pytest.fixture(autouse=True)
def empty_torch_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def test_lpips_takes_its_backbone_from_a_file(backbone: Path) -> None:
    images = torch.rand(2, 1, 32, 32)
    columns, reasons = PerceptualMeasures.of([f"lpips:backbone={backbone}"]).compute(images, images.flip(0))

    assert set(columns) == {"lpips"}
    assert columns["lpips"] > 0
    assert not reasons


def test_one_measure_with_two_backbones_is_refused_since_it_has_one_column(backbone: Path) -> None:
    assert PerceptualMeasures.of(["lpips", "lpips"]).names == ["lpips"]
    with pytest.raises(
        UsageError, match=r"Expected each perceptual measure once, got lpips, lpips:backbone=.* one out"
    ):
        PerceptualMeasures.of(["lpips", f"lpips:backbone={backbone}"])


def test_lpips_stays_empty_without_its_backbone_and_says_why() -> None:
    images = torch.rand(2, 3, 32, 32)
    columns, reasons = PerceptualMeasures.of(["lpips"]).compute(images, images)

    assert columns == {}
    assert reasons["lpips"].startswith("Expected the weights of torchvision's AlexNet in ")


def test_lpips_finds_its_backbone_in_the_cache_of_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "torch" / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    path.parent.mkdir(parents=True)
    torch.save(layers(), path)
    images = torch.rand(2, 3, 32, 32)

    assert PerceptualMeasures.of(["lpips"]).compute(images, images)[0] == {"lpips": 0.0}


def test_small_images_leave_the_columns_empty(backbone: Path) -> None:
    images = torch.rand(2, 1, 28, 28)
    columns, reasons = PerceptualMeasures.of([f"lpips:backbone={backbone}"]).compute(images, images)

    assert columns == {}
    assert reasons == {"lpips": "It needs images of at least 31 pixels a side, got (28, 28)."}


def test_ms_ssim_is_always_computed_for_large_images() -> None:
    images = torch.rand(1, 3, 161, 161)

    assert PerceptualMeasures().compute(images, images) == ({"ms_ssim": 1.0}, {})


def test_imagenet_distance_is_zero_for_equal_images_and_larger_for_others() -> None:
    images = torch.rand(2, 3, 16, 16)
    wanted = PerceptualMeasures.of(["imagenet_distance"])

    assert wanted.compute(images, images)[0]["imagenet_distance"] < 1e-5
    assert 0.01 < wanted.compute(torch.zeros_like(images), images)[0]["imagenet_distance"] < 1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("lpip", r"Expected perceptual measures among lpips, imagenet_distance, got 'lpip'\."),
        ("lpips:net=vgg", r"The measure 'lpips' has no parameter 'net'\. Its parameters: backbone\."),
        ("imagenet_distance:size=3", r"has no parameter 'size'\. Its parameters: none\."),
        ("ms_ssim", r"got ms_ssim, which is always computed for images of at least 161 pixels"),
        ("lpips:backbone=missing.pth", r"Expected weights, got missing.pth"),
    ],
)
def test_wrong_measures_are_refused(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PerceptualMeasures.of([spec])


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)

    with pytest.raises(UsageError, match=r"pip install 'mia-bench\[perceptual\]'"):
        PerceptualMeasures.of(["lpips"])


def test_a_record_of_another_backbone_is_outdated(backbone: Path, tmp_path: Path) -> None:
    other, images = tmp_path / "other.safetensors", torch.rand(2, 3, 32, 32)
    save_file({name: 2 * each for name, each in layers().items()}, other)
    one, two = (PerceptualMeasures.of([f"lpips:backbone={path}"]) for path in (backbone, other))
    notes = one.notes(one.compute(images, images.flip(0))[0])

    assert not one.is_outdated(notes)
    assert two.is_outdated(notes)
    assert not PerceptualMeasures.of(["imagenet_distance"]).is_outdated(notes)
    assert one.compute(images, images.flip(0)) != two.compute(images, images.flip(0))
    done = cell("undefended", "{}", "ridge", 20, lpips=0.5).model_copy(update={"notes": notes})
    jobs = [CellJob(cast(Any, None), "", perceptual=each, required=("lpips",)) for each in (one, two)]
    assert [job.is_finished_by(done) for job in jobs] == [True, False]


def test_a_file_of_the_same_name_and_other_weights_is_another_backbone(backbone: Path) -> None:
    images, measures = torch.rand(2, 3, 32, 32), PerceptualMeasures.of([f"lpips:backbone={backbone}"])
    values = measures.compute(images, images.flip(0))[0]
    notes = measures.notes(values)
    save_file({name: 2 * each for name, each in layers().items()}, backbone)

    assert measures.is_outdated(notes)
    assert measures.compute(images, images.flip(0))[0] != values


def test_a_record_without_the_note_is_outdated_only_if_a_file_is_named(backbone: Path, tmp_path: Path) -> None:
    assert PerceptualMeasures.of([f"lpips:backbone={backbone}"]).is_outdated({})
    assert not PerceptualMeasures.of(["lpips"]).is_outdated({})

    found = tmp_path / "torch" / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    found.parent.mkdir(parents=True)
    torch.save(layers(), found)
    assert not PerceptualMeasures.of(["lpips"]).is_outdated({})
