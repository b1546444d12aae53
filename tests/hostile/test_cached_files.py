"""Files in the cache that were changed, damaged or are of something else."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mia_bench.benchmark.errors import Diverged, UsageError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.plan.cells import Setting
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.utils.cache import cache_path, cached_tensors, known_tensors
from mia_bench.benchmark.utils.checked_tensors import pack
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

pytestmark = pytest.mark.usefixtures("cache")

Tensors = dict[str, Tensor]


@pytest.fixture
def place() -> Setting:
    return plan(Request(dataset="imagefolder:size=16", model="lenet5", splits=["conv1"], images=4))[0].setting


def again(bench: Artifacts) -> Artifacts:
    return Artifacts(device=bench.device, data_dir=bench.data_dir)


def rewrite(path: Path, change: Callable[[Tensors], Tensors]) -> None:
    """Change the tensors of a file and leave its checksum as it is."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    save_file(change({name: tensor.clone() for name, tensor in load_file(path).items()}), path, metadata)


CHANGES: dict[str, Callable[[Tensors], Tensors]] = {
    "noise": lambda tensors: {name: torch.rand_like(each.float()) for name, each in tensors.items()},
    "nan": lambda tensors: {name: each.float() * torch.nan for name, each in tensors.items()},
    "another type": lambda tensors: {name: each.double() for name, each in tensors.items()},
    "another shape": lambda tensors: {name: each[None] for name, each in tensors.items()},
    "another name": lambda tensors: {f"{name}x": each for name, each in tensors.items()},
    "one tensor less": lambda tensors: dict(list(tensors.items())[1:]),
    "nothing": lambda tensors: {},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_refused_and_named(cache: Path, change: str) -> None:
    kept = {"weight": torch.rand(3, 4), "images": torch.arange(12, dtype=torch.uint8)}
    cached_tensors("weights", "w", lambda: kept)
    (path,) = (cache / "weights").glob("*.safetensors")
    rewrite(path, CHANGES[change])

    with pytest.raises(UsageError, match=rf"{path} is damaged .*checksum.*. Delete it and rerun"):
        cached_tensors("weights", "w", lambda: kept)


@pytest.mark.parametrize("kind", ["weights", "datasets"])
def test_a_run_refuses_noise_in_place_of_what_it_has_cached(
    bench: Artifacts, place: Setting, cache: Path, kind: str
) -> None:
    bench.targets.get(place.dataset, place.model, 0)
    (path,) = (cache / kind).glob("*.safetensors")
    rewrite(path, CHANGES["noise"])

    with pytest.raises(UsageError, match=rf"{path} is damaged"):
        again(bench).targets.get(place.dataset, place.model, 0)


def test_weights_that_do_not_fit_the_model_are_refused_and_named(bench: Artifacts, place: Setting, cache: Path) -> None:
    bench.targets.get(place.dataset, place.model, 0)
    (path,) = (cache / "weights").glob("*.safetensors")
    tensors = load_file(path)
    path.write_bytes(pack({**tensors, "layers.fc3.bias": torch.zeros(7)}))

    with pytest.raises(UsageError, match=rf"Expected layers.fc3.bias to be \(3,\), got \(7,\) in .* {path}. Delete it"):
        again(bench).targets.get(place.dataset, place.model, 0)


def test_a_file_without_a_checksum_is_computed_anew() -> None:
    cached_tensors("weights", "w", lambda: {"x": torch.ones(3)})
    save_file({"x": torch.rand(3)}, cache_path("weights", "w"))

    assert known_tensors("weights", "w") is None
    assert cached_tensors("weights", "w", lambda: {"x": torch.ones(3)})["x"].tolist() == [1, 1, 1]


def test_weights_that_are_no_numbers_are_not_kept(cache: Path) -> None:
    sentence = r"NaN or infinity in x: the training of priors diverged\. Change the parameters or the images of what"
    with pytest.raises(Diverged, match=sentence):
        cached_tensors("priors", "w", lambda: {"x": torch.tensor([1.0, torch.nan])})

    assert not list(cache.rglob("*.safetensors"))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(3),
        torch.zeros(0, 4),
        torch.ones(2, dtype=torch.bool),
        torch.rand(4, 4).T,
        torch.rand(3).bfloat16(),
        torch.arange(5, dtype=torch.uint8),
    ],
    ids=lambda tensor: f"{tensor.dtype}{tuple(tensor.shape)}",
)
def test_tensors_of_every_kind_come_back_as_they_were(tensor: Tensor) -> None:
    for _ in range(2):
        found = cached_tensors("weights", "w", lambda: {"x": tensor})["x"]
        assert found.dtype == tensor.dtype
        assert torch.equal(found, tensor)
