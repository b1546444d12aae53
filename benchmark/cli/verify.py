"""Verify a submission: the command ``mia-bench verify``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from ... import __version__
from ..errors import UsageError
from ..leaderboard.completion_commands import incomplete_notice
from ..leaderboard.records import Row
from ..leaderboard.row_labels import attack_label, defense_label
from ..leaderboard.submissions.reading import read_submission
from ..leaderboard.verdicts import Outcome, Verdicts, checksum, write_verdicts
from ..plan.local_inputs import is_local
from ..runner.options import RunOptions
from ..utils.atomic_files import check_writable
from ..utils.isolation import reproducible_state
from ..utils.plurals import count_of, fitting
from ..utils.texts import one_line, say, say_paragraph
from ..verification.verify import Verdict, verify
from .console import print_table

HEADER = ["outcome", "dataset", "model", "split", "defense", "attack", "seed", "psnr_db", "cell_id"]


@reproducible_state()
def verify_submission(
    path: Path,
    *,
    cells: int,
    seed: int | None,
    data_dir: Path | None,
    device: Literal["auto", "cpu", "cuda"],
    verdicts_file: Path | None = None,
) -> int:
    """Run ``mia-bench verify``.

    Args:
        path: The submission.
        cells: The number of cells to compute again.
        seed: The seed of their choice; None takes one that nobody can predict.
        data_dir: The folder of the images.
        device: The device to compute on.
        verdicts_file: The file to write the outcomes to; None writes none.

    Returns:
        The exit code: 0 if every sampled cell was reproduced, if only within chance, else 1.

    Raises:
        UsageError: If the file is not a valid submission, or outcomes are wanted that cannot be written or without a
            cell to compute.
    """
    if not cells and verdicts_file is not None:
        raise UsageError(f"Expected at least 1 cell for the outcomes in {verdicts_file}, got --cells 0. Leave out one.")
    if verdicts_file is not None:
        if verdicts_file.is_dir():
            raise UsageError(f"Expected --verdicts to be a file, got the folder {verdicts_file}. Choose another path.")
        check_writable(verdicts_file.parent)
    submission = read_submission(path)
    done = sum(row.status == "done" for row in submission.rows)
    _tell_cells(path, submission.rows, done=done)
    if not cells:
        say("No cell was computed again, so all scores are self-reported.")
        return 0
    with TemporaryDirectory(prefix="mia-bench-") as scratch:
        options = RunOptions(out=Path(scratch), data_dir=data_dir, device=device)
        verdicts = verify(submission.records.values(), options, cells=cells, seed=seed)
    _print(verdicts)
    if verdicts_file is not None:
        _write(verdicts, path, verdicts_file)
    counts = Counter(each.outcome for each in verdicts)
    alike = counts["within chance"]
    if alike:
        say_paragraph(
            f"{count_of(alike, 'cell agrees', 'cells agree')} within chance only, which leaves room for scores that "
            "were changed a little. Verify on a machine of the kind that the author used, where all figures are equal "
            "up to rounding."
        )
    reported = done - counts["verified"] - alike
    say(
        f"{count_of(counts['verified'], 'cell')} verified, {alike} within chance, "
        f"{count_of(counts['differs'], 'differs', 'differ')}, {counts['not re-run']} not re-run. "
        f"{reported} of {count_of(done, 'cell')} {fitting(reported, 'is', 'are')} self-reported."
    )
    return 0 if verdicts and counts["verified"] + alike == len(verdicts) else 1


def _tell_cells(path: Path, rows: Sequence[Row], *, done: int) -> None:
    """Print how many cells a submission has, and which of them nobody else can compute."""
    whole, finished = count_of(len(rows), "cell"), count_of(done, "is", "are")
    say(f"{path} is a valid submission of {whole}, of which {finished} done.")
    local = sum(is_local(row.model_dump()) for row in rows)
    if local:
        stays = fitting(
            local, "It cannot be computed again, so it stays", "They cannot be computed again, so they stay"
        )
        say_paragraph(
            f"{count_of(local, 'cell names', 'cells name')} files, code or objects of the machine that computed "
            f"{fitting(local, 'it', 'them')}. {stays} self-reported."
        )
    for line in incomplete_notice(rows):
        say(one_line(line))


def _write(verdicts: Sequence[Verdict], path: Path, verdicts_file: Path) -> None:
    outcomes: dict[str, Outcome] = {each.row.cell_id: each.outcome for each in verdicts}
    today = datetime.now(UTC).date().isoformat()
    write_verdicts(
        Verdicts(submission_sha256=checksum(path), mia_bench=__version__, date=today, outcomes=outcomes), verdicts_file
    )
    say(f"Wrote {verdicts_file}")


def _print(verdicts: Sequence[Verdict]) -> None:
    lines = []
    for verdict in verdicts:
        row = verdict.row
        names = [defense_label(row), attack_label(row)]
        scores = [str(row.seed), f"{row.psnr_db:.2f}", row.cell_id]
        lines.append([verdict.outcome, row.dataset, row.model, row.split, *names, *scores])
    print_table(HEADER, lines)
    for verdict in verdicts:
        if verdict.reason:
            say(one_line(f"{verdict.row.cell_id}: {verdict.reason}"))
