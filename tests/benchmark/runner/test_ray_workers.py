"""Cells on Ray: the same results, from workers that share no disk, die, hang and lose their machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.store import read_records

from ...helpers.plugins import install
from ...helpers.trees import hear_interrupts, image_tree

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs mia-bench[ray]")


PLUG_IN = """
import os, time, torch
from typing import ClassVar
from mia_bench import Access, Attack

class Crash(Attack):
    \"\"\"Kills its process.\"\"\"
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False
    def reconstruct(self, seen):
        os.kill(os.getpid(), 9)

class Sleep(Crash):
    \"\"\"Takes its time.\"\"\"
    def reconstruct(self, seen):
        time.sleep(600)

class Slow(Crash):
    \"\"\"Takes a little time, or as long as a file is there, and draws at random.\"\"\"
    def reconstruct(self, seen):
        time.sleep(0.7)
        while os.path.exists(os.environ["HOLD"]):
            time.sleep(0.1)
        return torch.rand(len(seen.wire), *seen.image_shape)
"""


TIMES = {"attack_seconds", "protect_seconds", "client_ms", "server_ms", "finished_at"}


TIMES |= {"client_spread_ms", "client_undefended_ms", "client_overhead_ms", "client_added_ms"}


class Place:
    """A folder with a data set, plug-ins, and what runs have written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = image_tree(root / "images")
        self.hold = root / "hold"
        points = ["crash = bad:Crash", "sleep = bad:Sleep", "slow = bad:Slow"]
        self.site = install(root / "site", "bad", PLUG_IN, {"attacks": points})
        (root / "no-cache").write_text("a file where a folder is needed")

    @property
    def environment(self) -> dict[str, str]:
        """Of the nodes: there is no cache that they could use."""
        found = [str(self.site), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            "PYTHONPATH": os.pathsep.join(found),
            "MIA_BENCH_CACHE": str(self.root / "no-cache"),
            "HOLD": str(self.hold),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
        }

    def start(self, out: str, cache: str, *words: str, site: str = "") -> subprocess.Popen[str]:
        """Begin a run, in a process group of its own."""
        small = ["--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "conv1", "--images", "4"]
        place = ["--data-dir", str(self.data), "--out", str(self.root / out)]
        return subprocess.Popen(
            [sys.executable, "-m", "mia_bench", "run", *small, *place, *words],
            env={
                **os.environ,
                **self.environment,
                "MIA_BENCH_CACHE": str(self.root / cache),
                "PYTHONPATH": os.pathsep.join(filter(None, [self.environment["PYTHONPATH"], site])),
            },
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=hear_interrupts,
        )

    def records(self, out: str) -> dict[str, Any]:
        """What there is to compare of each record of a run."""
        found = {}
        for cell_id, record in read_records(self.root / out).items():
            content = json.loads(record.model_dump_json())
            for part in ("row", "details"):
                content[part] = {key: value for key, value in content[part].items() if key not in TIMES}
            found[cell_id] = content
        return found


GRID = ["--attack", "ridge", "--attack", "slow", "--defense", "dp_ir", "--sigma", "0.1", "--seed", "0", "--seed", "1"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("ray"))


@pytest.fixture(scope="module")
def local(place: Place) -> dict[str, Any]:
    """The records of the grid as processes of this machine make them; its targets are in the folder ``trained``."""
    _, messages = place.start("local", "trained", *GRID).communicate(timeout=600)
    records = place.records("local")
    assert len(records) == 12, messages
    return records


@pytest.fixture(scope="module")
def cluster(place: Place) -> Iterator[Any]:
    """Two machines of one CPU each, and a head of none."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.environment.items():
            patch.setenv(name, value)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        cluster.spare = [cluster.add_node(num_cpus=1, wait=False) for _ in range(2)]
        yield cluster
        cluster.shutdown()


@pytest.mark.slow
@needs_ray
def test_a_cluster_without_a_shared_disk_gives_the_same_records_and_trains_each_target_once(
    place: Place, local: dict[str, Any], cluster: Any
) -> None:
    process = place.start("same", "driver", *GRID, "--engine", "ray", "--address", cluster.address)
    table, messages = process.communicate(timeout=600)

    assert process.returncode == 0, messages
    assert place.records("same") == local
    assert sorted(line for line in messages.splitlines() if line.startswith("Training")) == [
        "Training lenet5 on imagefolder:size=16 for 8 epochs.",
        "Training lenet5 on imagefolder:size=16 for 8 epochs.",
        "Training the evaluator on imagefolder:size=16.",
    ]
    for name in ("weights", "evaluators"):
        trained = {path.name: path.read_bytes() for path in (place.root / "trained" / name).glob("*.safetensors")}
        assert trained == {
            path.name: path.read_bytes() for path in (place.root / "driver" / name).glob("*.safetensors")
        }
    assert len(list((place.root / "same" / "pictures").iterdir())) == 12
    assert table.splitlines()[1] == "dataset imagefolder:size=16, model lenet5, split conv1"


@pytest.mark.slow
@needs_ray
def test_cells_that_kill_their_worker_or_take_too_long_fail_alone_and_what_the_driver_has_cached_is_not_trained(
    place: Place, local: dict[str, Any], cluster: Any
) -> None:
    attacks = ["--attack", "crash", "--attack", "sleep", "--defense", "undefended", "--cell-timeout", "30"]
    process = place.start("failed", "trained", *attacks, "--engine", "ray", "--address", cluster.address)
    table, messages = process.communicate(timeout=600)

    rows = {each["row"]["attack"]: each["row"] for each in place.records("failed").values()}
    assert process.returncode == 1, messages
    assert rows["crash"]["reason"] == "The worker process died twice (killed or crashed, as when memory runs out)."
    assert rows["sleep"]["reason"] == "The cell took longer than --cell-timeout, 30 s."
    assert rows["mean_image"]["status"] == "done"
    assert "Training" not in messages
    assert "raylet" not in table
    assert "Worker exit" not in table


@pytest.mark.slow
@needs_ray
def test_a_node_that_dies_in_the_middle_costs_no_cell(place: Place, local: dict[str, Any], cluster: Any) -> None:
    place.hold.touch()
    process = place.start("lost", "trained", *GRID, "--engine", "ray", "--address", cluster.address)
    while process.poll() is None and len(list((place.root / "lost" / "cells").glob("*.json"))) < 2:
        time.sleep(0.05)
    cluster.remove_node(cluster.spare.pop(), allow_graceful=False)  # both workers are at a slow cell
    cluster.spare.append(cluster.add_node(num_cpus=1, wait=False))
    place.hold.unlink()
    _, messages = process.communicate(timeout=600)

    assert process.returncode == 0, messages
    assert place.records("lost") == local
    assert len([line for line in messages.splitlines() if line.startswith("[")]) == 12


@pytest.mark.slow
@needs_ray
def test_a_plug_in_that_the_nodes_lack_is_named(
    place: Place, local: dict[str, Any], cluster: Any, tmp_path: Path
) -> None:
    install(tmp_path, "here", PLUG_IN, {"attacks": ["only_here = here:Slow"]})
    asked = ["--attack", "only_here", "--defense", "undefended", "--engine", "ray", "--address", cluster.address]
    process = place.start("absent", "trained", *asked, site=str(tmp_path))
    _, messages = process.communicate(timeout=600)

    assert process.returncode == 2
    assert messages.splitlines()[-1].startswith("Error: Ray workers cannot start: ")
    assert "No module named 'here'" in messages.splitlines()[-1]
    assert "Traceback" not in messages


def living(mark: str) -> list[str]:
    """Processes with that text in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.slow
@needs_ray
def test_an_interrupted_run_keeps_its_cells_and_ends_its_ray(place: Place, local: dict[str, Any]) -> None:
    os.symlink(place.root / "trained", place.root / "stopped-cache")
    attacks = ["--attack", "mean_image", "--attack", "sleep", "--defense", "undefended"]
    process = place.start("stopped", "stopped-cache", *attacks, "--engine", "ray", "--jobs", "1")
    while process.poll() is None and not list((place.root / "stopped" / "cells").glob("*.json")):
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    table, messages = process.communicate(timeout=60)
    for _ in range(100):
        if not (left := living(str(place.root / "stopped-cache"))):
            break
        time.sleep(0.1)

    assert process.returncode == 130, messages
    assert messages.splitlines()[-1].startswith("Interrupted. Finished cells are saved")
    assert "Traceback" not in messages
    assert table == ""
    assert left == []
    assert [each["row"]["attack"] for each in place.records("stopped").values()] == ["mean_image"]
