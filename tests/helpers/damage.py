"""Damaged copies of a ZIP file."""

from collections.abc import Iterator


def damaged(content: bytes, step: int) -> Iterator[bytes]:
    """Copies with 20 other bytes, at 40 places among the files and at every ``step`` bytes of the directory after them.

    The header before a file repeats what the directory says, so that some copies still say the same.
    """
    directory = content.index(b"PK\x01\x02")
    for place in (*range(0, directory, directory // 40), *range(directory, len(content), step)):
        yield content[:place] + b"\xff" * len(content[place : place + 20]) + content[place + 20 :]
