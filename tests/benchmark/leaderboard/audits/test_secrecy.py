"""What is reconstructed from wires that are promised to be secret."""

import numpy as np
from mia_bench.benchmark.leaderboard.audits.beats_secrecy import beats_secrecy
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.scored_rows import ScoredRows

from ..test_ranking import record

FACTS = {"guarantee": "pads", "bound_identified": 0.01, "attack_params": '{"observations":1}', "defense_params": "{}"}


def psnr(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.minimum(100, -10 * np.log10(np.maximum(((images - others) ** 2).mean(1), 1e-10)))


def found(images: np.ndarray, mean: np.ndarray, rebuilt: np.ndarray) -> bool:
    """Whether the reconstructions of images (N, pixels) have the flag."""
    cells: list[Record] = []
    for name, answer in (("mean_image", np.broadcast_to(mean, images.shape)), ("ridge", rebuilt)):
        wrong = float(psnr(answer, np.roll(images, len(images) // 2, 0)).mean())
        made = record("pads", name, psnr(answer, images).tolist(), [0.1] * len(images), cell_id=name, **FACTS)
        cells.append(made.model_copy(update={"details": {"psnr_db_wrong_image": wrong}}))
    records = {each.row.cell_id: each for each in cells}
    return any(True for _ in beats_secrecy(ScoredRows([each.row for each in cells], records)))


def bright_or_dark(random: np.random.Generator, count: int) -> np.ndarray:
    levels = np.where(random.random((count, 1)) < 0.8, 0.02, 0.9)
    return (levels + 0.01 * random.standard_normal((count, 32))).clip(0, 1)


def test_an_attack_that_ignores_the_wire_has_no_flag_however_its_guesses_score() -> None:
    random, higher = np.random.default_rng(0), 0
    for count in [16] * 150 + [64] * 50:
        own, images = bright_or_dark(random, 100), bright_or_dark(random, count)
        for rebuilt in (own[random.integers(100, size=count)], np.broadcast_to(np.median(own, 0), images.shape)):
            higher += psnr(rebuilt, images).mean() > psnr(own.mean(0), images).mean() + 3
            assert not found(images, own.mean(0), rebuilt)
    assert higher > 300


def test_an_attack_that_gains_3_db_on_16_images_has_the_flag() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        images = (0.5 + 0.15 * random.standard_normal((16, 1)) + 0.15 * random.standard_normal((16, 32))).clip(0, 1)
        assert found(images, np.full(32, 0.5), 0.5 + 0.3 * (images - 0.5))
        assert not found(images[:8], np.full(32, 0.5), 0.5 + 0.3 * (images[:8] - 0.5))
