"""Every forged or damaged submission is refused with its reason."""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard.submissions.manifest import MANIFEST
from mia_bench.benchmark.leaderboard.submissions.reading import read_submission

from ....helpers.damage import damaged
from .forgeries import FORGERIES, Contents, changed_score


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forged_submission_is_refused_with_the_reason(
    honest: Contents, tmp_path: Path, forge: Callable[[Contents], None]
) -> None:
    contents = dict(honest)
    forge(contents)

    with pytest.raises(UsageError, match=FORGERIES[forge]):
        read_submission(_zip(tmp_path, contents, sums=True))

    assert [path.name for path in tmp_path.iterdir()] == ["forged.zip"]


def test_changed_files_do_not_have_the_stated_checksums(honest: Contents, tmp_path: Path) -> None:
    contents = dict(honest)
    changed_score(contents)

    with pytest.raises(UsageError, match=r"Expected the checksum that submission\.json states for 'cells/"):
        read_submission(_zip(tmp_path, contents, sums=False))


def test_an_edited_leaderboard_is_refused_without_advice_about_a_temporary_folder(
    honest: Contents, tmp_path: Path
) -> None:
    board = honest["leaderboard.csv"].decode().replace(",18.0,", ",18.1,", 1)
    assert board != honest["leaderboard.csv"].decode()

    with pytest.raises(UsageError) as caught:
        read_submission(_zip(tmp_path, {**honest, "leaderboard.csv": board.encode()}, sums=True))

    assert re.search(
        r"as in the record cells/[0-9a-f]{16}\.json, got .* in leaderboard\.csv, line \d+\.$", str(caught.value)
    )


def test_a_damaged_file_is_refused_unless_it_still_says_the_same(honest: Contents, tmp_path: Path) -> None:
    path = _zip(tmp_path, dict(honest), sums=True)
    whole, refused = read_submission(path), []

    for changed in damaged(path.read_bytes(), step=11):
        path.write_bytes(changed)
        try:
            assert read_submission(path) == whole
        except UsageError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all("Expected" in reason for reason in refused)


def test_a_compression_that_submit_does_not_use_is_refused(honest: Contents, tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("plan.json", honest["plan.json"])

    with pytest.raises(UsageError, match="Expected files that are stored or deflated"):
        read_submission(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip file"])
def test_a_file_that_is_not_a_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "submission.zip"
    path.write_bytes(content)

    with pytest.raises(UsageError, match="Expected a submission that `mia-bench submit` wrote"):
        read_submission(path)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("protocol", 1, "Expected a submission of form 1 and protocol 2, got form 1 and protocol 1"),
        ("paper", "javascript:alert(1)", "The field paper is 'javascript"),
        ("files", {}, "Expected the checksum"),
        ("more", 1, "The field more is 1"),
    ],
)
def test_a_manifest_is_checked(honest: Contents, tmp_path: Path, field: str, value: object, reason: str) -> None:
    contents = dict(honest)
    contents[MANIFEST] = json.dumps({**json.loads(contents[MANIFEST]), field: value}).encode()

    with pytest.raises(UsageError, match=reason):
        read_submission(_zip(tmp_path, contents, sums=False))


def _zip(folder: Path, contents: Contents, *, sums: bool) -> Path:
    if sums:
        manifest = json.loads(contents[MANIFEST])
        manifest["files"] = {
            name: hashlib.sha256(content).hexdigest() for name, content in contents.items() if name != MANIFEST
        }
        contents[MANIFEST] = json.dumps(manifest).encode()
    path = folder / "forged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path
