"""Folders are checked before anything is written into them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.utils.atomic_files import check_writable


@pytest.mark.parametrize("name", ["", "new", "new/folder/in/another", "old"])
def test_a_check_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    check_writable(tmp_path / name)
    assert [each.name for each in tmp_path.rglob("*")] == ["old"]


WRONG: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a file": (Path.touch, "", "Not a directory"),
    "below a file": (Path.touch, "out", "Not a directory"),
    "a link to nowhere": (lambda path: path.symlink_to("nowhere"), "", "No such file or directory"),
    "a long name": (Path.mkdir, "x" * 300, "File name too long"),
}


@pytest.mark.parametrize(("make", "below", "reason"), WRONG.values(), ids=WRONG)
def test_a_folder_that_cannot_be_written_is_refused_with_its_reason(
    make: Callable[[Path], object], below: str, reason: str, tmp_path: Path
) -> None:
    make(tmp_path / "there")
    out = tmp_path / "there" / below
    with pytest.raises(UsageError) as refused:
        check_writable(out, "Choose another --out.")
    assert str(refused.value) == f"Cannot write {out}: {reason}. Choose another --out."
