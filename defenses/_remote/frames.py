"""Messages between the client process and the server process: a JSON header and blobs of bytes.

Each part is sent as bytes by ``multiprocessing.connection``, which marks its length. Objects are never pickled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

MAX_HEADER_BYTES = 2**20
MAX_BLOB_BYTES = 2**32
"""Largest blob, 4 GiB. The rotation keys of the largest ring have less than 1 GiB."""


def send(connection: Connection, header: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
    """Send one message.

    Args:
        connection: Connection to the other process.
        header: JSON-serializable values.
        blobs: Byte strings, which may be empty.
    """
    connection.send_bytes(json.dumps({**header, "blobs": len(blobs)}).encode())
    for blob in blobs:
        connection.send_bytes(blob)


def receive(connection: Connection) -> tuple[dict[str, Any], list[bytes]]:
    """Receive one message.

    Raises:
        EOFError: If the other process has closed the connection.
        OSError: If the message is larger than allowed, or the connection breaks.
        ValueError: If the header is not JSON.
    """
    header = json.loads(connection.recv_bytes(MAX_HEADER_BYTES))
    return header, [connection.recv_bytes(MAX_BLOB_BYTES) for _ in range(header.pop("blobs"))]
