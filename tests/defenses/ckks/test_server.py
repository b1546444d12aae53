"""The server as a process of its own."""

import copy
import os
import signal
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
import tenseal.sealapi as seal
from mia_bench.defenses._ckks.client import CkksClient
from mia_bench.defenses._ckks.layout import PackingLayout
from mia_bench.defenses._ckks.parameters import choose_parameters
from mia_bench.defenses._ckks.program import to_bytes
from mia_bench.defenses._ckks.serial import to_bytes as seal_bytes
from mia_bench.defenses._ckks.server import Server, ServerError, ServerState
from mia_bench.defenses._remote import frames
from mia_bench.defenses._remote.process import serve

from ...helpers.worlds import program

GIVEN = program(20, 33, 4)
VALUES = np.random.default_rng(1).normal(size=(2, 20))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every blob that is sent to the server."""
    blobs: list[bytes] = []
    send = frames.send

    def listening(connection, header, parts=()):
        blobs.extend(parts)
        send(connection, header, parts)

    monkeypatch.setattr(frames, "send", listening)
    return blobs


@pytest.fixture
def client() -> CkksClient:
    return CkksClient(choose_parameters(levels=GIVEN.levels, width=64))


@pytest.fixture
def server(client: CkksClient, sent: list[bytes]) -> Iterator[Server]:
    layout = PackingLayout.of(GIVEN.layers, client.parameters)
    server = Server(
        client.parameters,
        [GIVEN],
        [layout.lanes],
        relinearization=client.relinearization_keys(),
        rotations=[client.rotation_keys(layout.steps)],
    )
    yield server
    server.close()


def lanes(client: CkksClient) -> int:
    return PackingLayout.of(GIVEN.layers, client.parameters).lanes


def test_it_answers_in_ciphertexts_that_the_client_decrypts(client: CkksClient, server: Server) -> None:
    reply, seconds = server.evaluate(0, client.encrypt(VALUES * GIVEN.input_scale, lanes(client)))
    result = client.decrypt(reply, numbers=4, count=2, lanes=lanes(client)) / GIVEN.output_scale
    expected = GIVEN(VALUES)
    np.testing.assert_allclose(result, expected, atol=1e-4 * np.abs(expected).max())
    assert seconds > 0


def test_what_crossed_the_border_is_listed_and_nothing_else_did(
    client: CkksClient, server: Server, sent: list[bytes]
) -> None:
    message = client.encrypt(VALUES, lanes(client))
    server.evaluate(0, message)
    names = [item.name for item in server.sent]
    assert names == [
        "parameters header",
        "program header",
        "program 0",
        "relinearization keys 0",
        "rotation keys 0",
        "evaluate header",
        "ciphertext",
    ]
    assert [item.nbytes for item in server.sent if not item.name.endswith("header")] == [len(blob) for blob in sent]
    assert sent[0] == to_bytes(GIVEN.layers)
    assert sent[-1] == message


def test_nothing_that_crossed_decrypts(client: CkksClient, server: Server, sent: list[bytes], tmp_path: Path) -> None:
    message = client.encrypt(VALUES, lanes(client))
    server.evaluate(0, message)
    for number, blob in enumerate(sent):
        path = tmp_path / str(number)
        path.write_bytes(blob)
        with pytest.raises((RuntimeError, ValueError)):
            seal.SecretKey().load(client.parameters.context(), str(path))
        for plain in (VALUES, VALUES.astype(np.float32), GIVEN(VALUES)):
            assert all(row.tobytes() not in blob for row in plain)


def test_a_secret_key_is_never_written(client: CkksClient) -> None:
    with pytest.raises(TypeError, match="got a secret key, which is never written"):
        seal_bytes(seal.KeyGenerator(client.parameters.context()).secret_key())


def test_neither_end_is_copied_or_pickled(client: CkksClient, server: Server) -> None:
    for end in (client, server):
        assert copy.deepcopy(end) is end
        with pytest.raises(TypeError, match="cannot be pickled"):
            end.__reduce_ex__(2)


def test_the_server_is_another_process_that_ends_with_its_handle(client: CkksClient, server: Server) -> None:
    number = server._process.pid
    assert number != os.getpid()
    server.close()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_a_message_that_is_no_ciphertext_is_refused_and_the_server_goes_on(client: CkksClient, server: Server) -> None:
    with pytest.raises(ServerError, match=r"Expected a Ciphertext .* got 8 other bytes"):
        server.evaluate(0, b"nonsense")
    server.evaluate(0, client.encrypt(VALUES, lanes(client)))


def test_a_spent_ciphertext_is_refused(client: CkksClient, server: Server) -> None:
    spent, _ = server.evaluate(0, client.encrypt(VALUES, lanes(client)))
    with pytest.raises(ServerError, match="got one with 0 levels left"):
        server.evaluate(0, spent)


def test_a_killed_server_is_named(client: CkksClient, server: Server) -> None:
    os.kill(server._process.pid, signal.SIGKILL)
    server._process.wait()
    with pytest.raises(ServerError, match=r"The server process has ended \(exit code -9\)"):
        server.evaluate(0, client.encrypt(VALUES, lanes(client)))


def test_the_server_stops_when_the_client_is_gone() -> None:
    here, there = Pipe()
    here.close()
    state = ServerState()

    serve(there, state.answer)

    assert state == ServerState()


def test_a_message_has_a_header_and_blobs() -> None:
    here, there = Pipe()
    frames.send(here, {"do": "test"}, [b"one", b"", b"three"])
    assert frames.receive(there) == ({"do": "test"}, [b"one", b"", b"three"])
    here.close()
    with pytest.raises(EOFError):
        frames.receive(there)


def test_a_message_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_BLOB_BYTES", 9)
    here, there = Pipe()
    frames.send(here, {}, [b"ten bytes."])
    with pytest.raises(OSError, match="bad message length"):
        frames.receive(there)


def test_a_pickled_object_is_refused_and_not_loaded() -> None:
    here, there = Pipe()
    here.send(Pickled())
    with pytest.raises(ValueError, match="decode"):
        frames.receive(there)
    assert not Pickled.loaded


class Pickled:
    """Notices whether it is unpickled."""

    loaded = False

    def __setstate__(self, state: object) -> None:
        Pickled.loaded = True

    def __getstate__(self) -> dict[str, int]:
        return {"x": 1}
