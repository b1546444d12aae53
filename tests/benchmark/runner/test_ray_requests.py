"""Ray without a run: what is refused, what its nodes have room for, and that nothing else imports it."""

import socket
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
from mia_bench.benchmark.cli import app
from typer.testing import CliRunner

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs mia-bench[ray]")


def refused(*words: str) -> str:
    """What ``run`` says when it does not run."""
    result = CliRunner().invoke(app, ["run", "--attack", "mean_image", "--defense", "undefended", *words])
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    return result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--address", "head:6379"], "Expected address only with engine ray, got engine local."),
        (["--gpus-per-cell", "0.5"], "Expected gpus_per_cell only with engine ray, got engine local."),
        (["--engine", "ray", "--gpus-per-cell", "2"], "Expected gpus_per_cell to be a number from 0 to 1, got 2.0."),
        (
            ["--engine", "ray", "--gpus-per-cell", "1", "--device", "cpu"],
            "Expected device auto or cuda with gpus_per_cell 1, got cpu.",
        ),
        (
            ["--engine", "ray", "--gpus-per-cell", "0", "--device", "cuda"],
            "Expected gpus_per_cell to be more than 0 with device cuda, got 0.",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], message: str) -> None:
    assert message in refused(*words)


def test_without_ray_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    message = refused("--engine", "ray")

    assert "Expected the package ray, which is not installed. Run: pip install 'mia-bench[ray]'." in message


@needs_ray
def test_an_address_at_which_nothing_listens_is_refused_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        message = refused("--engine", "ray", "--address", address, "--images", "4")

    assert f"Expected a Ray cluster at --address {address}, got: [Errno 111] Connection refused. Check" in message


@needs_ray
def test_a_malformed_address_is_refused() -> None:
    message = refused("--engine", "ray", "--address", "ray://somewhere", "--images", "4")

    assert "Expected HOST:PORT of a Ray head for --address, got 'ray://somewhere'." in message


@needs_ray
def test_what_listens_but_is_not_ray_is_refused_within_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        code = f"""
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.runner import ray_cluster
ray_cluster.JOIN_SECONDS = 2
try:
    with ray_cluster.connected("{address}", None):
        pass
except UsageError as error:
    print(error)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stdout == (
        f"Expected a Ray cluster at --address {address}, got: There was no answer within 2 s. "
        "Check that it is HOST:PORT of the head.\n"
    )
    assert done.returncode == 0


@needs_ray
def test_what_ray_prints_does_not_mix_with_results(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from mia_bench.benchmark.runner import ray_cluster

    ray = SimpleNamespace(is_initialized=lambda: False, init=lambda *_, **__: print("of Ray"), shutdown=lambda: None)
    monkeypatch.setattr(ray_cluster, "ray", ray)
    with ray_cluster.connected(None, 1):
        print("of Ray")
    print("results")

    assert capsys.readouterr() == ("results\n", "of Ray\nof Ray\n")


@needs_ray
@pytest.mark.parametrize(("gpus", "expected"), [(0, 12), (1, 3), (0.5, 6), (0.4, 6), (0.1, 12)])
def test_a_gpu_is_shared_by_whole_cells(gpus: float, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from mia_bench.benchmark.runner import ray_cluster

    nodes = [
        {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0}},
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    monkeypatch.setattr(ray_cluster.ray, "nodes", lambda: nodes)

    assert ray_cluster.worker_capacity(gpus) == expected


@needs_ray
def test_a_share_of_a_gpu_that_no_node_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from mia_bench.benchmark.errors import UsageError
    from mia_bench.benchmark.runner import ray_cluster

    monkeypatch.setattr(ray_cluster.ray, "nodes", lambda: [{"Alive": True, "Resources": {"CPU": 4.0}}])

    with pytest.raises(UsageError, match=r"1 CPU and 0.5 GPUs, got 4 CPUs and 0 GPUs\. Add nodes"):
        ray_cluster.worker_capacity(0.5)


@needs_ray
def test_a_cell_whose_nodes_die_again_and_again_is_forgiven_three_times() -> None:
    from mia_bench.benchmark.runner import ray_workers
    from ray.exceptions import ActorUnavailableError

    workers: Any = object.__new__(ray_workers.RayWorkers)
    workers._losses, workers.kill = ray_workers.Counter(), lambda worker: None
    workers._workers = {1: SimpleNamespace(job=SimpleNamespace(cell_id="a"), node="n")}
    kinds = [workers._gone(1, ActorUnavailableError("unreachable", None)).kind for _ in range(5)]

    assert kinds == ["lost", "lost", "lost", "died", "died"]


@needs_ray
def test_help_and_list_import_no_ray() -> None:
    code = "import sys\nfrom mia_bench.benchmark.cli import app\nfor words in (['--help'], ['list', 'suites']):\n"
    code += "    app(words, standalone_mode=False)\nassert 'ray' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
