"""Estimates of time and memory, from cells that were timed before."""

from pathlib import Path

import pytest
import torch
from mia_bench.benchmark import registry
from mia_bench.benchmark.datasets import _pixel_cache
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.plan.cells import Cell
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner.clients import ClientSize
from mia_bench.benchmark.runner.estimates import RunEstimate, duration, estimate
from mia_bench.benchmark.runner.memory import NEEDS, process_bytes
from mia_bench.benchmark.runner.timings import CellNames, CellTiming, timings

from ...helpers.trees import image_tree


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifacts:
    bench = Artifacts(device=torch.device("cpu"), data_dir=image_tree(tmp_path / "images"))
    monkeypatch.setattr(bench.targets, "is_ready", lambda setting: True)
    return bench


def cells(attack: str, *defenses: str, images: int = 4) -> list[list[Cell]]:
    request = Request(
        dataset="imagefolder:size=16",
        model="lenet5",
        splits=["conv1"],
        attacks=[attack],
        defenses=defenses or ["undefended"],
        images=images,
    )
    return [[cell] for cell in plan(request) if cell.attack.name == attack.partition(":")[0]]


def timing(
    attack: str,
    seconds: float | None,
    *,
    images: int = 4,
    protect: float | None = None,
    macs: float | None = None,
    **names: str,
) -> CellTiming:
    whole = {"dataset": "mnist", "model": "lenet5", "split": "relu2", "defense": "undefended"} | names
    return CellTiming(CellNames(**whole, attack=attack), images, protect, seconds, macs)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (95, "2 min"), (5340, "89 min"), (12345, "3 h 26 min")]
)
def test_durations_are_as_exact_as_they_can_be(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_nearest_cells_count_and_of_them_the_median(bench: Artifacts) -> None:
    known = [
        timing("ridge", 100),
        timing("ridge", 50, model="cnn6"),
        timing("ridge", 3, dataset="imagefolder", split="conv1"),
        timing("ridge", 5, dataset="imagefolder", split="conv1"),
        timing("ridge", 70, dataset="imagefolder"),
        timing("pinv", 999, dataset="imagefolder", split="conv1"),
    ]

    assert estimate(cells("ridge"), bench, known, 1).seconds == 4
    assert estimate(cells("ridge"), bench, known[:2], 1).seconds == 100


def test_the_time_of_a_white_box_attack_grows_with_the_images(bench: Artifacts) -> None:
    known = [timing("white_box", 10, images=64), timing("ridge", 10, images=64)]

    assert estimate(cells("white_box", images=8), bench, known, 1).seconds == pytest.approx(10 * 8 / 64)
    assert estimate(cells("ridge", images=8), bench, known, 1).seconds == 10


def test_the_time_grows_with_the_macs_of_another_client(bench: Artifacts) -> None:
    macs = 3 * 8 * 5 * 5 * 12 * 12  # conv1 of lenet5 on 3x16x16
    known = [timing("white_box", 10, macs=macs / 3), timing("white_box", 500, macs=100 * macs)]
    known += [timing("ridge", 7, macs=macs / 3), timing("ridge", 900, macs=100 * macs, dataset="imagefolder")]

    assert estimate(cells("white_box"), bench, known, 1).seconds == pytest.approx(30)
    assert estimate(cells("ridge"), bench, known, 1).seconds == 7


def test_an_attack_that_was_never_timed_is_counted_as_unknown(bench: Artifacts) -> None:
    need = estimate(cells("ridge", "dp_ir:sigma=0.1"), bench, [timing("pinv", 10)], 1)

    assert (need.seconds, need.unknown) == (0, 2)


def test_protecting_is_timed_by_defense_and_processes_share_the_settings(bench: Artifacts) -> None:
    known = [timing("ridge", 10), timing("ridge", 10, protect=30, defense="dp_ir"), timing("x", 1, protect=2)]
    groups = cells("ridge", "dp_ir:sigma=0.1", "topk")

    assert estimate(groups, bench, known, 1).seconds == (10 + 2) + (10 + 30) + 10
    assert estimate(groups, bench, known, 2).seconds == 10 + 30  # the longest cell
    assert estimate([[cell for (cell,) in groups]], bench, known, 2).seconds == (10 + 10 + 10 + 2) / 2
    assert [*estimate(groups, bench, known, 1).by_cell.values()] == [10 + 2, 10 + 30, 10]
    assert estimate([], bench, known, 2) == RunEstimate(0, {}, {})


def test_targets_that_are_not_in_the_cache_are_trained_once(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    known = [timing("ridge", 10)]
    groups = cells("ridge", "topk")
    trained = estimate(groups, bench, known, 1).seconds
    monkeypatch.setattr(bench.targets, "is_ready", lambda setting: False)

    both = estimate(groups, bench, known, 1)

    assert both.training_seconds > 0
    assert both.seconds - trained == pytest.approx(both.training_seconds)
    assert [*both.training] == [groups[0][0]]


def memory(groups: list[list[Cell]], bench: Artifacts, jobs: int = 1) -> int:
    return estimate(groups, bench, [], jobs).memory_bytes


@pytest.mark.parametrize(("model", "split"), [("lenet5", "relu2"), ("torchvision:name=resnet18", "layer4.1")])
def test_timing_the_training_leaves_the_network_as_it_is(
    model: str, split: str, bench: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ResNet in training mode refuses one image of 16 pixels, whose last maps have one pixel."""
    monkeypatch.setattr(bench.targets, "is_ready", lambda setting: False)
    request = Request(
        dataset="imagefolder:size=16",
        model=model,
        splits=[split],
        attacks=["ridge"],
        defenses=["undefended"],
        images=4,
    )
    groups = [[cell] for cell in plan(request)]
    setting = groups[0][0].setting
    network = bench.targets.structure(setting.dataset, setting.model)
    layers, weights = str(network), {name: value.clone() for name, value in network.state_dict().items()}

    estimated = estimate(groups, bench, [], jobs=1)

    after = bench.targets.structure(setting.dataset, setting.model)
    assert estimated.training_seconds > 0
    assert (str(after), after.training) == (layers, False)
    assert all(torch.equal(value, weights[name]) for name, value in after.state_dict().items())


def test_the_client_of_a_setting_is_run_once(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    groups, passes = cells("ridge", "topk", "dp_ir:sigma=0.1"), []
    setting = groups[0][0].setting
    structure = bench.targets.structure(setting.dataset, setting.model)
    structure.layers[0].register_forward_hook(lambda *_: passes.append(1))
    monkeypatch.setattr(bench.targets, "structure", lambda *_: structure)

    assert estimate(groups, bench, [timing("ridge", 1, macs=1.0)], 1).memory_bytes > 0
    assert len(passes) == 1


def test_memory_is_that_of_the_attacks_that_are_chosen(bench: Artifacts) -> None:
    least, queries, decoder, search, both = (
        memory(cells(name), bench) for name in ("mean_image", "ridge", "ridge_skip", "white_box", "auto")
    )

    sent = 8 * 12 * 12
    kept = 6 * 4 * 18 * sent  # queries of 18 images, and copies of them
    assert queries - least == kept
    scales = 12 * 4 * 18 * sent
    assert decoder - queries == 32 * 16 * 4 * 2**14 + scales  # a batch of 2^14 pixels, of 64 images of 16x16
    graph = 4 * 16 * (2 * 3 * 16 * 16 + sent)  # gradients: the image, what conv1 takes and sends
    chosen = 4 * 4 * 6 * 32 * 3 * 16 * 16  # copies of four images with six weights
    assert search - least == 2**27 + graph + chosen
    assert both == max(search, least + 32 * 16 * 4 * 2**14) + kept + scales
    assert memory([[*cells("mean_image")[0], *cells("ridge")[0]]], bench) == queries


def test_a_target_that_is_not_in_the_cache_takes_the_memory_of_its_training(
    bench: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = cells("mean_image")
    trained = memory(groups, bench)
    monkeypatch.setattr(bench.targets, "is_ready", lambda setting: False)

    assert memory(groups, bench) - trained > 2**27 - 4 * 4 * 4 * 8 * 12 * 12  # beside the wires of four images


def test_the_needs_are_those_of_built_in_attacks() -> None:
    assert set(NEEDS) <= set(registry.names("attacks"))


def test_memory_grows_with_the_images(bench: Artifacts) -> None:
    few, many = (memory(cells("ridge", images=images), bench) for images in (1, 8))

    assert many - few == 7 * 4 * 4 * 8 * 12 * 12  # four copies of a wire of 8 maps
    few, many = (memory(cells("white_box", images=images), bench) for images in (16, 24))
    assert many - few == 8 * 4 * (4 * 8 * 12 * 12 + 2 * 3 * 16 * 16 + 8 * 12 * 12)  # and what is kept for gradients


def test_decoders_of_few_large_images_are_trained_in_small_batches(bench: Artifacts) -> None:
    request = Request(dataset="imagefolder:size=224", model="lenet5", splits=["pool2"], attacks=["auto"], images=4)

    needed = memory([plan(request)[:1]], bench, 1)

    assert needed < 2**31  # measured: 2.3 GB with 240 images of the attacker, whose wires are four times as large


def test_images_that_stay_on_disk_take_no_memory(
    bench: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = cells("ridge")
    dense = memory(groups, bench, 1)
    monkeypatch.setattr(_pixel_cache, "MAX_FLOAT_BYTES", 1000)
    fresh = Artifacts(device=torch.device("cpu"), data_dir=bench.data_dir)
    monkeypatch.setattr(fresh.targets, "is_ready", lambda setting: True)
    stored = memory(groups, fresh, 1)

    assert dense - stored == 2.5 * 4 * (90 + 24) * 3 * 16 * 16


def test_each_process_needs_memory_but_not_more_processes_than_cells(bench: Artifacts) -> None:
    groups = cells("ridge", "topk")

    one, two, many = (memory(groups, bench, jobs) for jobs in (1, 2, 9))

    assert two == many == 2 * one
    assert memory([], bench, 2) == 0


def test_every_built_in_attack_and_defense_is_timed(tmp_path: Path) -> None:
    known = timings(tmp_path)

    assert {each.names.attack for each in known if each.attack_seconds is not None} >= set(registry.names("attacks"))
    assert {each.names.defense for each in known if each.protect_seconds is not None} >= set(registry.names("defenses"))


def test_several_wires_of_each_image_take_memory(bench: Artifacts) -> None:
    facts, client = bench.facts(cells("ridge")[0][0].setting.dataset), ClientSize(10**5, 12_544, 20_000)

    one, many = (process_bytes(cells(f"ridge:observations={count}", images=8)[0], client, facts) for count in (1, 64))

    assert many - one == pytest.approx(2.1 * 64 * 8 * 12_544 * 4)
