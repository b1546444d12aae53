"""Connect to Ray: to a running cluster, or to a local one that is started and shut down."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # by default, workers of a local Ray yield to all other processes
import ray
import ray.exceptions

from ..errors import UsageError
from ..utils.plurals import count_of

CONNECT_SECONDS = 5
"""Time limit of the connection to the port of a cluster."""
JOIN_SECONDS = 60
"""Time limit of Ray for joining a cluster. Ray itself has no limit: it retries for minutes."""
FAILURES = (ConnectionError, RuntimeError, ValueError, OSError, SystemExit, ray.exceptions.RayError)
"""What ``ray.init`` raises if there is no cluster, or if it cannot be used."""


@contextmanager
def connected(address: str | None, cpus: int | None) -> Iterator[None]:
    """Connect to Ray for the duration of a block. An existing connection is used, and left open.

    Ray prints a line about each worker that dies. It appears on stderr, because results are printed on stdout.

    Args:
        address: ``HOST:PORT`` of a cluster, or ``auto`` for the cluster of this machine. None means the one that this
            process is connected to, or else a local one, which is started.
        cpus: CPUs of the local cluster; None for all of them.

    Raises:
        UsageError: If no Ray cluster runs at the address.
    """
    if ray.is_initialized():
        _require_same(address)
        yield
        return
    with redirect_stdout(sys.stderr):
        try:
            _connect(address, cpus)
            yield
        finally:
            ray.shutdown()


def worker_capacity(gpus: float) -> int:
    """Return how many workers fit into the cluster at a time.

    Args:
        gpus: GPUs of each worker, beside its one CPU; a fraction if workers share a GPU.

    Raises:
        UsageError: If no worker fits.
    """
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    count = sum(int(min(node.get("CPU", 0), _fitting(node.get("GPU", 0), gpus))) for node in alive)
    if not count:
        found = ", ".join(
            f"{count_of(node.get('CPU', 0.0), 'CPU')} and {count_of(node.get('GPU', 0.0), 'GPU')}" for node in alive
        )
        raise UsageError(
            f"Expected a node of the Ray cluster with 1 CPU and {count_of(float(gpus), 'GPU')}, got {found}. "
            "Add nodes, or lower --gpus-per-cell."
        )
    return count


def has_gpus() -> bool:
    """Return whether any node has a GPU."""
    return any(node["Alive"] and node["Resources"].get("GPU", 0) for node in ray.nodes())


def is_alive(node_id: str) -> bool:
    """Return whether a node is still part of the cluster."""
    return any(node["Alive"] and node["NodeID"] == node_id for node in ray.nodes())


def _fitting(available: float, gpus: float) -> float:
    """Return how many workers share the available GPUs; a worker cannot use parts of two GPUs."""
    return available * int(1 / gpus + 1e-9) if gpus else float("inf")


def _connect(address: str | None, cpus: int | None) -> None:
    if address is None:
        try:
            _init("local", num_cpus=cpus)
        except FAILURES as error:
            raise UsageError(f"Cannot start a local Ray: {_reason(error)}. Run without --engine ray.") from error
        return
    _require_open_port(address)
    outcome: SimpleQueue[BaseException | None] = SimpleQueue()
    Thread(target=_join, args=(address, outcome), daemon=True).start()
    try:
        error = outcome.get(timeout=JOIN_SECONDS)
    except Empty:
        error = TimeoutError(f"There was no answer within {JOIN_SECONDS} s.")
    if error is not None:
        raise _no_cluster(address, error) from error


def _init(address: str, **options: Any) -> None:
    silence: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "CRITICAL"}
    ray.init(address, **silence, **options)


def _join(address: str, outcome: SimpleQueue[BaseException | None]) -> None:
    """Join a cluster, in a thread that can be given up."""
    try:
        _init(address)
    except BaseException as error:
        outcome.put(error)
    else:
        outcome.put(None)


def _require_open_port(address: str) -> None:
    """Refuse an address at which nothing listens, at once: Ray takes minutes to find out."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()) or "://" in address:
        raise UsageError(
            f"Expected HOST:PORT of a Ray head for --address, got {address!r}. On a machine of a cluster, use auto."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: BaseException) -> UsageError:
    return UsageError(
        f"Expected a Ray cluster at --address {address}, got: {_reason(error)}. Check that it is HOST:PORT of the head."
    )


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _require_same(address: str | None) -> None:
    here = ray.get_runtime_context().gcs_address
    if address not in (None, "auto", here):
        raise UsageError(
            f"Expected --address {here}, to which this process is connected, got {address}. Call ray.shutdown() first."
        )
