"""Let people rate reconstructions: the command ``mia-bench rate``."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import UsageError
from ..leaderboard.plan_file import refuse_unstarted
from ..leaderboard.ratings import add_study, read_key, score_ratings, store_recognition
from ..leaderboard.records import Row
from ..leaderboard.results_folder import FIRST_RUN
from ..leaderboard.row_labels import attack_label, defense_label
from ..leaderboard.store import read_records
from ..report.rating_page import choose_trials, rating_page
from ..utils.atomic_files import write_output
from ..utils.plurals import count_of
from ..utils.texts import as_typed, say
from .console import print_table
from .output_names import PAGE_SUFFIXES, require_suffix

HEADER = ["dataset", "model", "split", "defense", "attack", "recognized", "95 % interval", "ratings"]


def write_page(folder: Path, out: Path, *, trials: int, seed: int | None) -> None:
    """Run ``mia-bench rate`` without ratings: write the page, and its answers into the results folder.

    Args:
        folder: The results folder.
        out: The page to write.
        trials: The number of questions.
        seed: The seed of the questions; None takes one that nobody can predict.

    Raises:
        UsageError: If there are no images to rate, or the page cannot be written.
    """
    require_suffix(out, PAGE_SUFFIXES)
    records = read_records(folder) if folder.is_dir() else {}
    if not records:
        refuse_unstarted(folder)
        raise UsageError(f"Expected the results folder of a run, got {folder}, which has no cells/*.json. {FIRST_RUN}")
    chosen = choose_trials(records, folder, trials, secrets.randbits(32) if seed is None else seed)
    study = secrets.token_hex(4)
    page = rating_page(study, chosen, records, folder)
    add_study(folder, study, chosen)
    write_output(out, page.encode())
    say(f"Wrote {out} with {count_of(trials, 'question')}. Open it in a browser, save the ratings, and run:")
    say(as_typed("mia-bench", "rate", folder, "--ratings", "FILE.csv"))


def join_ratings(folder: Path, ratings: Sequence[Path]) -> None:
    """Run ``mia-bench rate --ratings``: print how often people recognized images, and write it into the records.

    Raises:
        UsageError: If a file is not one of ratings for this folder.
    """
    found = store_recognition(folder, score_ratings(ratings, read_key(folder)))
    ordered = sorted(found.values(), key=lambda record: record.details["recognized_by_people"])
    print_table(HEADER, [_line(record.row, record.details) for record in ordered])
    say(f"Wrote the shares into the records of {count_of(len(found), 'cell')} in {folder}.")


def _line(row: Row, details: Mapping[str, float]) -> list[str]:
    low, high = details["recognized_by_people_low"], details["recognized_by_people_high"]
    shares = [f"{details['recognized_by_people']:.2f}", f"{low:.2f} to {high:.2f}", f"{details['ratings']:.0f}"]
    return [row.dataset, row.model, row.split, defense_label(row), attack_label(row), *shares]
