"""Several labels, numbers to predict, no labels at all, and classes that a network knows by name."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.attacks.query_free import QueryFree
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation import utility
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.interfaces import Attack, Model
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.plan.cells import Cell, Setting
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.benchmark.utils.cache import digest
from mia_bench.benchmark.utils.seeding import seeded
from mia_bench.defenses import _adversary
from PIL import Image
from torch import nn

from ...helpers.trees import image_tree

TRAINS_WITH_LABELS = ("dp_ir:sigma=0.1", "adversarial:tuning_epochs=1", "shredder", "dp_sgd:dp_epochs=1", "quantize")


class Given(Model):
    """Brings its weights; gives maps, or as many numbers as a test says."""

    names: tuple[str, ...] = ()
    last: int = 0

    @property
    def given_weights(self) -> str | None:
        return "0123456789abcdef"

    @property
    def class_names(self) -> tuple[str, ...] | None:
        return self.names or None

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        channels, height, width = image_shape
        with seeded("given"):
            layers: dict[str, nn.Module] = {"conv1": nn.Conv2d(channels, 4, 3), "relu1": nn.ReLU()}
            if outputs := self.last or len(self.names) or classes:
                layers["flatten"] = nn.Flatten()
                layers["fc"] = nn.Linear(4 * (height - 2) * (width - 2), outputs)
            return nn.Sequential(OrderedDict(layers))


def disks(root: Path, header: str, line: Callable[[float, float], str]) -> Path:
    """Write images of a bright disk somewhere, and a table of labels that follow from its place."""
    root.mkdir()
    random, (rows, columns) = np.random.default_rng(0), np.mgrid[:16, :16]
    lines = [header]
    for index in range(200):
        x, y = random.uniform(3, 13, 2)
        pixels = np.where((rows - y) ** 2 + (columns - x) ** 2 < 9, 220, 60) + random.normal(0, 5, (16, 16))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / f"{index}.png")
        lines.append(f"{index}.png,{line(x, y)}")
    (root / "labels.csv").write_text("\n".join(lines))
    return root


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("tasks")
    found = {
        "regression": disks(base / "r", "file,x,y", lambda x, y: f"{40 + 3 * x:.2f},{y:.2f}"),
        "multi-label": disks(base / "m", "file,left,top", lambda x, y: f"{int(x < 8)},{int(y < 8)}"),
        "classes": image_tree(base / "c", train=20, test=8),
    }
    return {**found, "unlabeled": found["regression"]}


def setting(model: Any = None, defense: str = "undefended", **dataset: Any) -> Setting:
    params = ",".join(f"{name}={value}" for name, value in {"size": 16, **dataset}.items())
    request = Request(
        dataset=f"imagefolder:{params}",
        model="lenet5",
        splits=["conv1"],
        defenses=[defense],
        images=4,
        attacks=["auto"],
    )
    found = plan(request)[-1].setting
    if model is None:
        return found
    entry = Entry(kind="models", name="given", target=f"{__name__}:Given", package="mia-bench", version="1")
    return replace(found, model=ResolvedComponent(entry, model))


def bench_of(folder: Path) -> Artifacts:
    return Artifacts(device=torch.device("cpu"), data_dir=folder)


def record(bench: Artifacts, chosen: Setting, attack: Attack | None = None) -> Record:
    entry = Entry(kind="attacks", name="attack", target="t:Attack", package="mia-bench", version="1")
    bench.check(chosen)
    return evaluate(Cell(chosen, ResolvedComponent(entry, attack or MeanImage())), digest("cell"), bench)[0]


@pytest.mark.parametrize(("task", "metric"), [("regression", "r2"), ("multi-label", "mean_average_precision")])
def test_a_network_is_trained_and_measured_for_its_task(folders: dict[str, Path], task: str, metric: str) -> None:
    bench = bench_of(folders[task])
    plain = record(bench, setting(channels=1))
    noisy = record(bench, setting(channels=1, defense="dp_input:sigma=2"))

    assert (plain.row.task, plain.row.utility_metric, plain.row.accuracy) == (task, metric, None)
    assert plain.row.agreement == 1.0
    assert plain.row.utility is not None
    assert plain.row.utility > max(0.6, plain.details.get("chance_high", 0))
    assert noisy.row.utility is not None
    assert noisy.row.utility < plain.row.utility == noisy.details["utility_undefended"]
    assert 0 < noisy.details["utility_error"] < 0.5
    assert 0 < plain.details["utility_error"] < 0.5
    assert noisy.row.agreement is not None
    assert noisy.row.agreement < 1
    assert "evaluator_agreement" not in plain.details


@pytest.mark.slow
@pytest.mark.parametrize("defense", TRAINS_WITH_LABELS)
@pytest.mark.parametrize("task", ["regression", "unlabeled"])
def test_defenses_that_train_use_the_loss_of_the_task(
    folders: dict[str, Path], task: str, defense: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_adversary, "DECODER_CHANNELS", 8)
    given = Given(last=4) if task == "unlabeled" else None
    found = bench_of(folders[task]).protected(setting(given, defense, channels=1, task=task)).useful

    assert 0 <= found.agreement <= 1
    assert found.utility > (-1 if "dp_sgd" in defense else 0.2)


def test_outputs_of_any_shape_are_compared_with_the_undefended_network(folders: dict[str, Path]) -> None:
    bench = bench_of(folders["unlabeled"])
    plain = record(bench, setting(Given(), task="unlabeled"))
    noisy = record(bench, setting(Given(), "dp_input:sigma=0.02", task="unlabeled"))

    assert (plain.row.task, plain.row.utility_metric, plain.row.utility) == ("unlabeled", "agreement", 1.0)
    assert noisy.row.status == "done"
    assert noisy.row.utility == noisy.row.agreement
    assert 0 < (noisy.row.agreement or 0) < 1


def test_outputs_too_large_to_keep_are_computed_again(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = setting(Given(), "dp_input:sigma=0.02", task="unlabeled")
    kept = bench_of(folders["unlabeled"]).protected(chosen).useful
    monkeypatch.setattr(utility, "MAX_KEPT_BYTES", 0)

    assert bench_of(folders["unlabeled"]).protected(chosen).useful == kept


def test_an_untrained_network_without_labels_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(
        UsageError, match=r"have no labels to train with, got an untrained network of model lenet5\. Give"
    ):
        bench_of(folders["unlabeled"]).check(setting(task="unlabeled"))


def test_an_attack_that_trains_with_labels_says_that_there_are_none(folders: dict[str, Path]) -> None:
    found = record(bench_of(folders["unlabeled"]), setting(Given(), task="unlabeled"), QueryFree(restarts=1, epochs=1))

    assert (found.row.status, found.row.reason[:63]) == (
        "inapplicable",
        "Expected labels to train with, got images without labels. Choose"[:63],
    )


def test_an_attack_that_trains_with_labels_works_for_other_tasks(folders: dict[str, Path]) -> None:
    attack = QueryFree(restarts=1, epochs=1, steps=20, iterations=2)

    assert record(bench_of(folders["multi-label"]), setting(channels=1), attack).row.status == "done"


def test_classes_that_the_network_knows_by_name_are_its_outputs(folders: dict[str, Path]) -> None:
    names = ("sky", "Red", "grass", "blue", "GREEN", "sea")
    bench, chosen = bench_of(folders["classes"]), setting(Given(names=names))
    bench.check(chosen)
    private = bench.targets.pools(chosen.dataset, chosen.model).private
    with torch.no_grad():
        right = bench.targets.get(chosen.dataset, chosen.model, 0)(private.images).argmax(1) == private.labels

    assert set(private.labels.tolist()) == {1, 3, 4}  # blue, green, red
    assert record(bench, chosen).row.accuracy == pytest.approx(right.float().mean().item())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("sky", "red", "blue"), "Expected classes that are all among the 3 categories of the network, got 'green'"),
        (("sky", "sea"), r"Expected logits \(2, 3\) for 2 images"),
    ],
)
def test_classes_that_the_network_does_not_know_are_refused(
    folders: dict[str, Path], names: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        bench_of(folders["classes"]).check(setting(Given(names=names)))


@pytest.mark.parametrize("package", ["mia-bench", "other"])
def test_other_names_of_the_outputs_give_other_cells_also_on_the_data_of_a_plug_in(
    package: str, folders: dict[str, Path]
) -> None:
    def fingerprint(*names: str) -> str:
        chosen = setting(Given(names=names))
        entry = replace(chosen.dataset.entry, package=package)
        chosen = replace(chosen, dataset=replace(chosen.dataset, entry=entry))
        assert chosen.in_worker == (package == "other")
        return bench_of(folders["classes"]).fingerprint(chosen)

    assert fingerprint("red", "green", "blue") != fingerprint("blue", "green", "red")
