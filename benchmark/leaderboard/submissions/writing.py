"""Write the results of a folder as a submission."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from ...errors import UsageError
from ...utils.atomic_files import write_atomically, writing
from ...utils.files import Unreadable, read_inside
from ...utils.texts import quoted
from ..completeness import each_once
from ..csv_files import to_csv
from ..plan_file import plan_text, read_plan, refuse_unstarted
from ..results_folder import FIRST_RUN, board_path, strip_path
from ..store import read_records, read_rows, to_frame
from ..strips import check_strip
from .manifest import MANIFEST, Manifest, fault_of
from .refusals import refuse_contradictions, refuse_missing

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of all files in a submission, so that equal results give equal submissions."""
REMEDIES = {
    "title": "Give a title in UTF-8 of at most 200 characters.",
    **dict.fromkeys(("paper", "code"), "Give another one, or leave it out."),
}
"""What to do about an invalid field that the user gives."""


def write_submission(folder: Path, path: Path, *, title: str = "", paper: str = "", code: str = "") -> Manifest:
    """Write the results of a folder as a submission.

    Args:
        folder: The results folder.
        path: The ZIP file to write.
        title: Name of the submission.
        paper: Address of a publication.
        code: Address of the code of the defense or attack.

    Raises:
        UsageError: If cells of the plan or the leaderboard are missing, cells are of different data or versions, a file
            is damaged, or an address is not one.

    Example:
        >>> write_submission(Path("results"), Path("submission.zip"))  # doctest: +SKIP
    """
    from .... import __version__

    records = read_records(folder) if folder.is_dir() else {}
    if not records:
        refuse_unstarted(folder)
        raise UsageError(f"Expected the results folder of a run, got {folder}, which has no cells/*.json. {FIRST_RUN}")
    planned = read_plan(folder)
    listed = {row.cell_id for row in read_rows(board_path(folder))} if board_path(folder).exists() else set[str]()
    promised = listed | set(planned)
    refuse_missing(promised - set(records), len(promised), str(folder), "Rerun the command to finish them.")
    each_once(record.row for record in records.values())
    refuse_contradictions(records, f"{folder} cannot be submitted.", "Delete their records and rerun the command.")
    contents = {f"cells/{cell_id}.json": record.model_dump_json(indent=1) for cell_id, record in records.items()}
    contents["leaderboard.csv"] = to_csv(to_frame(record.row for record in records.values()))
    contents["plan.json"] = plan_text({cell_id: planned.get(cell_id, "") for cell_id in records})
    encoded = {name: text.encode("utf-8", "backslashreplace") for name, text in contents.items()}
    for cell_id in records:
        if (strip := strip_path(folder, cell_id)).is_file():
            try:
                content = read_inside(strip, folder)
            except Unreadable as error:
                raise UsageError(f"Cannot read the image {strip}. {error}") from error
            check_strip(str(strip), content, "Delete it to submit without it.")
            encoded[f"pictures/{cell_id}.png"] = content
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(encoded.items())}
    try:
        manifest = Manifest(mia_bench=__version__, title=title, paper=paper, code=code, files=checksums)
    except ValidationError as error:
        (field,), given = error.errors()[0]["loc"], error.errors()[0]["input"]
        fault = f"Expected an http:// or https:// address of at most 500 characters without blanks, got {quoted(given)}"
        raise UsageError(f"{fault_of(error) if field == 'title' else fault}. {REMEDIES[str(field)]}") from error
    with writing(path):
        write_atomically(path, _zipped({MANIFEST: manifest.model_dump_json(indent=1).encode(), **encoded}))
    return manifest


def _zipped(contents: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()
