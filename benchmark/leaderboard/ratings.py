"""Ratings by people: the key of each rating page, the files that raters save, and the shares that follow from them."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import UsageError
from ..metrics.intervals import share_interval
from ..utils.atomic_files import write_atomically, writing
from ..utils.files import Unreadable, read_bytes
from ..utils.plurals import count_of
from ..utils.texts import quoted
from .csv_files import read_csv
from .records import CellId, Record, explain
from .results_folder import rating_key_path, record_path
from .store import read_records, write_record

logger = logging.getLogger(__name__)

CANDIDATES = 6
"""Private images among which a rater looks for the original; more take longer to compare."""
RATING_COLUMNS = ("study", "rater", "trial", "choice", "seconds")
"""Columns of a file that a rater saves."""


class Trial(BaseModel):
    """One question: which of several private images does a reconstruction show?

    Attributes:
        cell_id: The cell of the reconstruction.
        image: The position of the private image.
        candidates: The positions of the images to choose from, in the order shown.

    Example:
        >>> Trial(cell_id="0" * 16, image=3, candidates=[5, 3, 1]).right
        2
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cell_id: CellId
    image: int = Field(ge=0)
    candidates: list[int] = Field(min_length=2)

    @model_validator(mode="after")
    def _shows_the_original(self) -> Self:
        if self.image not in self.candidates:
            raise ValueError(f"Expected the image {self.image} among the candidates, got {self.candidates}.")
        return self

    @property
    def right(self) -> int:
        """The choice that is right, from 1."""
        return self.candidates.index(self.image) + 1


class RatingKey(BaseModel):
    """The answers to all rating pages of a results folder. The pages do not hold them.

    Attributes:
        studies: The trials of each page, in their order.

    Example:
        >>> RatingKey(studies={}).studies
        {}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    studies: dict[str, list[Trial]] = {}


@dataclass(frozen=True)
class Recognition:
    """How often people recognized the images of one cell.

    Attributes:
        right: The number of right choices.
        ratings: The number of ratings, over all raters.

    Example:
        >>> round(Recognition(right=9, ratings=10).share, 2)
        0.9
    """

    right: int
    ratings: int

    @property
    def share(self) -> float:
        """The share of right choices."""
        return self.right / self.ratings

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share. It takes ratings as independent."""
        return share_interval(self.right, self.ratings)


def read_key(out: Path) -> RatingKey:
    """Read the key of the rating pages of a results folder; an empty one if there is none.

    Raises:
        UsageError: If the file is damaged.
    """
    path = rating_key_path(out)
    if not path.exists():
        return RatingKey()
    try:
        return RatingKey.model_validate_json(read_bytes(path), strict=True)
    except ValidationError as error:
        raise UsageError(f"{path} is not a valid key of ratings. {explain(error)}. Write a new page.") from error
    except Unreadable as error:
        raise UsageError(f"Cannot read {path}. {error}") from error


def add_study(out: Path, study: str, trials: Sequence[Trial]) -> None:
    """Add the answers of a page to the key. Earlier pages stay valid."""
    write_key(out, RatingKey(studies={**read_key(out).studies, study: list(trials)}))


def merge_keys(sources: Sequence[Path]) -> RatingKey:
    """Join the answers to the pages of several results folders. Warn if two folders have different ones to a page.

    Raises:
        UsageError: If a key is damaged.
    """
    studies, origins = dict[str, list[Trial]](), dict[str, Path]()
    for source in sources:
        for study, trials in read_key(source).studies.items():
            first = origins.setdefault(study, source)
            if studies.setdefault(study, trials) != trials:
                logger.warning(
                    "Left out the answers to the rating page %s of %s, since %s has others. Rate it in its own folder.",
                    quoted(study),
                    source,
                    first,
                )
    return RatingKey(studies=studies)


def write_key(out: Path, key: RatingKey) -> None:
    """Write the key of the rating pages of a results folder."""
    with writing(out):
        write_atomically(rating_key_path(out), (key.model_dump_json(indent=1) + "\n").encode())


def score_ratings(paths: Sequence[Path], key: RatingKey) -> dict[CellId, Recognition]:
    """Count right choices by cell.

    Args:
        paths: The files that raters saved.
        key: The answers.

    Raises:
        UsageError: If a file is not such a file, belongs to another results folder, rates a trial twice, or has a time
            that is not a number.

    Example:
        >>> score_ratings([], RatingKey())
        {}
    """
    outcomes: dict[CellId, list[bool]] = defaultdict(list)
    seen: dict[tuple[str, str, int], Path] = {}
    for path in paths:
        for rated, trial, choice in _ratings(path, key):
            if rated in seen:
                raise UsageError(
                    f"Expected each trial once for each rater, got trial {rated[2]} of {quoted(rated[1])} in "
                    f"{seen[rated]} and in {path}. Leave out one of them."
                )
            seen[rated] = path
            outcomes[trial.cell_id].append(choice == trial.right)
    return {cell_id: Recognition(sum(found), len(found)) for cell_id, found in outcomes.items()}


def _ratings(path: Path, key: RatingKey) -> Iterator[tuple[tuple[str, str, int], Trial, int]]:
    """Yield what identifies each rating of a file, its trial and the choice."""
    table = read_csv(path)
    table.require(RATING_COLUMNS[:4], "a file of ratings")
    for number, line in table.lines:
        study, rater = line.get("study", ""), line.get("rater", "")
        trials = key.studies.get(study)
        if trials is None:
            raise UsageError(
                f"Expected ratings of a page of this results folder, got study {quoted(study)} in {path}, line "
                f"{number}. Name the folder that the page was made from."
            )
        index = _whole(line.get("trial", ""), 1, len(trials), "trial", path, number)
        trial = trials[index - 1]
        choice = _whole(line.get("choice", ""), 0, len(trial.candidates), "choice", path, number)
        _require_seconds(line.get("seconds", ""), path, number)
        yield (study, rater, index), trial, choice


def _whole(text: str, low: int, high: int, column: str, path: Path, number: int) -> int:
    value = int(text) if text.isdecimal() and len(text) < 10 else -1
    if not low <= value <= high:
        raise UsageError(
            f"Expected a whole number from {low} to {high} as {column}, got {quoted(text)} in {path}, line {number}. "
            "Correct it."
        )
    return value


def _require_seconds(text: str, path: Path, number: int) -> None:
    """Raise if a text is neither empty nor a time."""
    try:
        valid = not text or 0 <= float(text) < math.inf
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(
            f"Expected a number from 0 as seconds, got {quoted(text)} in {path}, line {number}. Correct it, or leave "
            "it empty."
        )


def store_recognition(out: Path, found: Mapping[CellId, Recognition]) -> dict[CellId, Record]:
    """Write how often people recognized the images of each cell into its record, in place of earlier ratings.

    A warning counts the ratings that are replaced by others.

    Returns:
        The changed records.

    Raises:
        UsageError: If a cell has no record, or a record is damaged.
    """
    records = read_records(out)
    if unknown := sorted(set(found) - set(records)):
        raise UsageError(
            f"Expected a record of each rated cell, got none in {record_path(out, unknown[0])}. "
            "Name the folder of its run."
        )
    changed, replaced = {}, 0
    for cell_id, recognition in found.items():
        low, high = recognition.interval
        rated = {
            "recognized_by_people": recognition.share,
            "recognized_by_people_low": low,
            "recognized_by_people_high": high,
            "ratings": float(recognition.ratings),
        }
        record = records[cell_id]
        if not rated.items() <= record.details.items():
            replaced += round(record.details.get("ratings", 0))
        changed[cell_id] = record.model_copy(update={"details": {**record.details, **rated}})
        with writing(out):
            write_record(out, changed[cell_id])
    if replaced:
        logger.warning(
            "Replaced %s. Name the files of all raters in one command to count them together.",
            count_of(replaced, "earlier rating"),
        )
    return changed
