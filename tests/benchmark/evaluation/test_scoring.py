"""Scores of the members and the samples of an attack."""

import pytest
import torch
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.scoring import compare_samples
from mia_bench.benchmark.interfaces import Observation, Reconstruction

from ...helpers.cells import gray, outcome, setting


def test_the_members_of_an_attack_are_scored_beside_what_it_selected(bench: Artifacts) -> None:
    first, second, third, fourth = bench.originals(setting(bench))

    def attack(seen: Observation) -> Reconstruction:
        plain = gray(seen)
        left = torch.stack([first, second, plain[2], plain[3]])
        right = torch.stack([plain[0], plain[1], third, fourth])
        return Reconstruction(right, "right", {"left": left, "right": right})

    record = outcome(bench, attack)

    assert record.notes == {"selected": "right"}
    assert record.details["oracle_psnr_db"] == pytest.approx(100)
    assert record.details["oracle_ssim"] == pytest.approx(1)
    assert record.details["right_psnr_db"] == pytest.approx(record.row.psnr_db)
    assert record.details["right_ssim"] == pytest.approx(record.row.ssim)
    assert record.details["left_psnr_db"] < 100
    assert record.details["bytes_down"] > 0


def test_an_attack_of_one_piece_has_no_members(bench: Artifacts) -> None:
    record = outcome(bench, gray)

    assert record.notes == {}
    assert not [name for name in record.details if name.endswith(("_psnr_db", "_ssim"))]


def test_ssim_and_recognisable_are_those_of_the_member_selected_by_ssim(bench: Artifacts) -> None:
    originals = bench.originals(setting(bench))

    def attack(seen: Observation) -> Reconstruction:
        return Reconstruction(gray(seen), "gray", {"gray": gray(seen), "true": originals}, "true")

    record = outcome(bench, attack)

    assert record.notes == {"selected": "gray", "selected_by_ssim": "true"}
    assert record.row.psnr_db == pytest.approx(record.details["gray_psnr_db"])
    assert record.row.ssim == pytest.approx(record.details["true_ssim"]) == 1
    assert record.row.recognisable == 1
    assert record.per_image.ssim == [1.0] * 4
    assert max(record.per_image.psnr_db) < 100


def test_the_record_says_how_much_the_samples_of_an_attack_differ(bench: Artifacts) -> None:
    originals = bench.originals(setting(bench))

    def attack(seen: Observation) -> Reconstruction:
        images = gray(seen)
        return Reconstruction(images, samples=torch.stack([images - 0.1, images, images + 0.1]))

    record = outcome(bench, attack)

    assert record.details["posterior_spread"] == pytest.approx(0.1, abs=1e-4)
    expected = (originals - 0.5).square().mean().div(1 + 1 / 3).sqrt().item()
    assert record.details["posterior_error"] == pytest.approx(expected, abs=1e-4)
    assert "posterior_spread" not in outcome(bench, gray).details


def test_samples_that_vary_as_the_truth_does_have_an_error_as_large_as_their_spread() -> None:
    torch.manual_seed(0)
    found = compare_samples(torch.randn(4, 500, 1, 4, 4), torch.randn(500, 1, 4, 4))

    assert found["posterior_error"] == pytest.approx(found["posterior_spread"], rel=0.02)
