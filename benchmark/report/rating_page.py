"""Write a page on which people look for the originals of reconstructions, without knowing which attack made them."""

from __future__ import annotations

import random
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from ..errors import UsageError
from ..leaderboard.completeness import is_scored, scenario_of
from ..leaderboard.ratings import CANDIDATES, Trial
from ..leaderboard.records import Record, Row
from ..leaderboard.results_folder import STRIP_IMAGES, strip_path
from ..leaderboard.strips import FRAME_PIXELS, LEAST_SIDE
from ..plan.references import REFERENCE_ATTACK
from .image_gallery import open_strip
from .page import fill

SCRIPTS = ("elements.js", "format.js", "save.js", "rating.js")
"""The parts of the script of the page, in the order of their dependencies."""
REFERENCE_EVERY = 5
"""One trial of so many shows a mean image, which tells how often a choice is right by chance or by a blurred hint."""


def choose_trials(records: Mapping[str, Record], out: Path, count: int, seed: int) -> list[Trial]:
    """Choose the questions of a page.

    Of each defense, the cell of the strongest attack takes part. All defenses are asked about equally often, and one
    trial in five shows a mean image.

    Args:
        records: The records of a results folder, by cell.
        out: The results folder, which has the strips.
        count: The number of trials.
        seed: The seed of the choice of images and of all orders.

    Raises:
        UsageError: If no cell has a strip of at least two images.
    """
    draw = random.Random(seed)
    attacks, references = _strongest(records, out)
    attacks = attacks or references
    if not attacks:
        raise UsageError(
            f"Expected image strips of at least two images in {out}, got none. Run an attack on two images or more."
        )
    trials = []
    for number in range(count):
        reference = bool(references) and number % REFERENCE_EVERY == REFERENCE_EVERY - 1
        turn = number // REFERENCE_EVERY
        if reference:
            row = references[turn % len(references)]
        else:
            row = attacks[(number - turn if references else number) % len(attacks)]
        shown = min(row.n_images, STRIP_IMAGES)
        image = draw.randrange(shown)
        others = draw.sample([each for each in range(shown) if each != image], min(CANDIDATES, shown) - 1)
        candidates = draw.sample([image, *others], len(others) + 1)
        trials.append(Trial(cell_id=row.cell_id, image=image, candidates=candidates))
    return draw.sample(trials, len(trials))


def _strongest(records: Mapping[str, Record], out: Path) -> tuple[list[Row], list[Row]]:
    """Return the cells of the strongest attacks, one for each defense, and those of the mean image."""
    attacks: dict[object, list[Row]] = defaultdict(list)
    references: dict[object, list[Row]] = defaultdict(list)
    for row in (record.row for record in records.values()):
        if is_scored(row) and row.n_images > 1 and strip_path(out, row.cell_id).exists():
            if row.attack == REFERENCE_ATTACK:
                references[scenario_of(row)].append(row)
            else:
                attacks[scenario_of(row), row.defense, row.defense_params].append(row)
    strongest = [max(rows, key=lambda row: (-row.seed, row.psnr_db or 0.0)) for rows in attacks.values()]
    return strongest, [min(rows, key=lambda row: (row.seed, row.cell_id)) for rows in references.values()]


def rating_page(study: str, trials: Sequence[Trial], records: Mapping[str, Record], out: Path) -> str:
    """Return the page as HTML. It holds the images of the trials, and neither their answers nor their attacks.

    Args:
        study: The name that the saved ratings state.
        trials: The questions.
        records: The records of the results folder, by cell.
        out: The results folder.

    Raises:
        UsageError: If a strip cannot be read.
    """
    images: dict[str, int] = {}

    def index(image: Image.Image) -> int:
        return images.setdefault(_png(image), len(images))

    shown = []
    for trial in trials:
        count = min(records[trial.cell_id].row.n_images, STRIP_IMAGES)
        path = strip_path(out, trial.cell_id)
        originals, reconstructions = (_divided(row, count, path) for row in open_strip(path))
        shown.append(
            {
                "shown": index(reconstructions[trial.image]),
                "candidates": [index(originals[each]) for each in trial.candidates],
            }
        )
    return fill("rating.html", SCRIPTS, "Which image is it?", {"study": study, "trials": shown, "images": list(images)})


def _divided(row: Image.Image, count: int, path: Path) -> list[Image.Image]:
    """Return the images of a row of a strip, without their frames.

    Raises:
        UsageError: If the row is too narrow to hold them.
    """
    if row.width < count * LEAST_SIDE:
        raise UsageError(
            f"Expected {count} images in the strip {path}, which is {row.width} pixels wide. Delete it to ask about "
            "other cells."
        )
    width, height, frame = row.width // count, row.height, FRAME_PIXELS
    lefts = range(0, count * width, width)
    return [row.crop((left + frame, frame, left + width - frame, height - frame)) for left in lefts]


def _png(image: Image.Image) -> str:
    target = BytesIO()
    image.save(target, format="PNG")
    return b64encode(target.getvalue()).decode()
