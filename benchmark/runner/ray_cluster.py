"""A connection to Ray: a cluster that runs, or a local one that is started and ended."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # a local Ray's workers would yield to all else on the machine
import ray
import ray._private.worker
import ray.exceptions

from ..errors import UsageError

ANSWER_SECONDS = 5
"""How long a cluster may take to answer; Ray itself gives up after two minutes, and ends the process."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a connection to a gRPC server begins, as Ray's head is one: RFC 9113, section 3.4, with empty settings."""


@contextmanager
def connected(address: str | None, cpus: int | None) -> Iterator[None]:
    """Be connected to Ray in this block; a connection that is there already is used, and left.

    Args:
        address: ``HOST:PORT`` of a cluster, or ``auto`` for that of this machine; by default a local one is started.
        cpus: how many CPUs the local one may use; by default all of them.

    Raises:
        UsageError: if there is no cluster at the address.
    """
    if ray.is_initialized():
        _require_same(address)
        yield
        return
    with _quiet():  # until after the end, at which Ray writes what it has held back
        try:
            _connect(address, cpus)
            yield
        finally:
            ray.shutdown()


def room(gpus: float) -> int:
    """How many workers of one CPU and ``gpus`` of a GPU each have room at the same time.

    Raises:
        UsageError: if none has.
    """
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    count = sum(int(min(node.get("CPU", 0), _fitting(node.get("GPU", 0), gpus))) for node in alive)
    if not count:
        found = ", ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in alive)
        raise UsageError(
            f"a cell needs 1 CPU and {gpus:g} GPUs, and no node of the Ray cluster has them; found: {found}"
        )
    return count


def has_gpus() -> bool:
    """Whether any node has one."""
    return any(node["Alive"] and node["Resources"].get("GPU", 0) for node in ray.nodes())


def is_alive(node_id: str) -> bool:
    """Whether a node is still part of the cluster."""
    return any(node["Alive"] and node["NodeID"] == node_id for node in ray.nodes())


def _fitting(available: float, gpus: float) -> float:
    """How many shares of ``gpus`` there are; one GPU cannot be shared with the rest of another."""
    return available * int(1 / gpus + 1e-9) if gpus else float("inf")


def _connect(address: str | None, cpus: int | None) -> None:
    if address is not None:
        _require_answer(address)
    silence = {"include_dashboard": False, "log_to_driver": False, "logging_level": "CRITICAL"}
    try:
        if address is None:
            ray.init("local", num_cpus=cpus, **silence)
        else:
            ray.init(address, **silence)
    except (ConnectionError, RuntimeError, ValueError, OSError, SystemExit, ray.exceptions.RayError) as error:
        what = "no local Ray can be started" if address is None else f"--address is {address}, which Ray cannot use"
        raise UsageError(f"{what} ({' '.join(str(error).split()) or type(error).__name__})") from error


def _require_answer(address: str) -> None:
    """Ask a cluster for a sign of life, since Ray itself is slow to see that there is none."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()) or "://" in address:
        raise UsageError(
            f"--address is {address!r}; allowed are HOST:PORT of a Ray head, and auto on a machine of a cluster"
        )
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS) as probe:
            if "RAY_USE_TLS" in os.environ:
                return
            probe.sendall(PREFACE)
            if probe.recv(4)[3:] != b"\x04":  # the frame with its settings, with which a server has to begin
                raise ConnectionError("what answers is something else")
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"--address is {address}, and no Ray answers there ({error}); is it HOST:PORT of the head?"
        ) from error


def _require_same(address: str | None) -> None:
    here = ray.get_runtime_context().gcs_address
    if address not in (None, "auto", here):
        raise UsageError(
            f"--address is {address}, and this process is connected to Ray at {here}; end that connection first"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ray from writing about workers that died onto stdout, where the results go; it has no setting for that."""
    module = ray._private.worker
    was = getattr(module, "_worker_logs_enabled", True)
    module._worker_logs_enabled = False
    try:
        yield
    finally:
        module._worker_logs_enabled = was
