"""Networks of timm."""

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.registry.specs import resolve
from mia_bench.models.timm import Timm

timm = pytest.importorskip("timm")


def model(name: str) -> Timm:
    component = resolve("models", "timm", {"name": name}).component
    assert isinstance(component, Timm)
    return component


@pytest.mark.parametrize(
    ("name", "size"), [("resnet10t", 32), ("mobilenetv3_small_050", 32), ("vit_tiny_patch16_224", 64)]
)
def test_networks_of_timm_are_divided(name: str, size: int) -> None:
    stages = model(name).build((3, size, size), 4)
    assert len(stages) > 10
    assert stages(torch.rand(3, 3, size, size)).shape == (3, 4)


@pytest.mark.parametrize("name", ["resnet1O", "hf-hub:timm/resnet18", "local-dir:/tmp"])
def test_only_networks_that_timm_has_are_built(name: str) -> None:
    with pytest.raises(UsageError, match=f"Expected a network of timm, got '{name}'"):
        model(name).build((3, 32, 32), 4)


def test_a_missing_name_is_refused_with_an_example() -> None:
    with pytest.raises(UsageError, match=r"Expected the name of a network, got none\. Write timm:name=resnet10t"):
        model("").build((3, 32, 32), 4)
