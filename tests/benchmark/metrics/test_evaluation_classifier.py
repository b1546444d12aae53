"""The evaluator learns, and scoring compares with the right images."""

import pytest
import torch
from mia_bench.benchmark.evaluation import scoring
from mia_bench.benchmark.evaluation.scoring import compare_classmates, identified_chance
from mia_bench.benchmark.interfaces import ImageSet
from mia_bench.benchmark.metrics.evaluation_classifier import EvaluationClassifier, agreement, train_evaluator
from mia_bench.benchmark.metrics.leakage import identified, leak_r2, overlap, wrong_image_psnr


def bars(count: int) -> ImageSet:
    """Noise with a bright bar: upright is class 0, level is class 1."""
    torch.manual_seed(count)
    images, labels = 0.5 * torch.rand(count, 1, 16, 16), torch.arange(count) % 2
    places = torch.randint(2, 14, (count,))
    for image, label, place in zip(images, labels, places, strict=True):
        (image[0, :, place] if label == 0 else image[0, place])[:] = 1
    return ImageSet(images, labels)


@pytest.mark.slow
def test_the_evaluator_learns_and_agrees_with_itself_and_not_about_noise() -> None:
    torch.manual_seed(0)
    evaluator, seen, fresh = EvaluationClassifier(1, 2), bars(4000), bars(201)
    train_evaluator(evaluator, seen)

    right = (evaluator(fresh.images).argmax(1) == fresh.labels).float().mean().item()

    assert right > 0.9
    assert agreement(evaluator, fresh.images, fresh.images) == 1
    assert agreement(evaluator, fresh.images.mT, fresh.images) < 0.2


def test_identification_looks_for_the_nearest_image(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = torch.rand(50, 1, 8, 8)

    assert identified(gallery[:20] + 0.01, gallery) == 1
    assert identified(gallery[1:21], gallery) == 0
    assert identified(gallery.mean(0).expand(20, -1, -1, -1), gallery) <= 1 / 20
    assert identified(torch.cat([gallery[:5], gallery[10:15]]), gallery) == 0.5
    monkeypatch.setattr(scoring, "GALLERY_IMAGES", 3)
    assert identified(torch.cat([gallery[:5], gallery[10:15]]), gallery) == 0.5


def test_the_leak_is_1_for_the_image_and_0_for_the_mean_image() -> None:
    originals, aux = torch.rand(10, 1, 8, 8), torch.rand(30, 1, 8, 8)
    mean = aux.mean(0).expand_as(originals)

    assert leak_r2(originals, originals, aux) == 1
    assert leak_r2(mean, originals, aux) == pytest.approx(0, abs=1e-6)
    assert leak_r2((originals + mean) / 2, originals, aux) == pytest.approx(0.75, abs=1e-6)
    assert leak_r2(mean, mean, mean) is None


def test_what_depends_on_the_image_is_worse_against_another_one() -> None:
    originals = torch.rand(10, 1, 8, 8)
    constant = originals.mean(0).expand_as(originals)

    assert wrong_image_psnr(originals, originals) < 20
    assert wrong_image_psnr(originals.roll(5, 0), originals) == 100
    assert wrong_image_psnr(constant, originals) == pytest.approx(wrong_image_psnr(constant, originals.roll(3, 0)))


def test_overlap_counts_private_images_among_the_attackers_own() -> None:
    originals, aux = torch.randint(256, (6, 1, 8, 8)) / 255, torch.rand(30, 1, 8, 8)
    assert overlap(ImageSet(aux, torch.zeros(30)), originals) == 0

    aux[[3, 20]] = originals[[0, 4]] + 1e-4 * (originals[[0, 4]] < 0.5)  # the same after rounding to 8 bits

    assert overlap(ImageSet(aux, torch.zeros(30)), originals) == 2


def test_two_classmates_are_compared_without_an_interval() -> None:
    pair = ImageSet(torch.rand(2, 1, 8, 8), torch.tensor([1, 1]))

    assert set(compare_classmates(pair.images, pair)) == {"psnr_db_same_class", "psnr_db_above_same_class"}


def test_of_equal_images_none_can_be_identified() -> None:
    image = torch.rand(1, 1, 8, 8)

    assert identified(image, image) is None
    assert identified(torch.rand(3, 1, 8, 8), image.expand(3, -1, -1, -1)) is None


def test_an_image_that_equals_the_original_counts_as_identified() -> None:
    gallery = torch.rand(10, 1, 8, 8)
    gallery[7], gallery[1] = gallery[0], gallery[4]

    assert identified(gallery[:6], gallery) == 1
    assert identified(gallery[:6].roll(1, 0), gallery) == 0
    assert identified_chance(6, gallery) == pytest.approx((2 + 2 + 1 + 1 + 2 + 1) / 6 / 10)


def test_of_several_nearest_images_each_counts_in_proportion() -> None:
    gallery = torch.zeros(4, 1, 8, 8)
    gallery[[0, 1, 2, 3], 0, [0, 2, 4, 6], 0] = 1  # all as far from black

    assert identified(torch.zeros(4, 1, 8, 8), gallery) == pytest.approx(1 / 4)
    assert identified(torch.zeros(1, 1, 8, 8), gallery) == pytest.approx(1 / 4)
    gallery[1] = gallery[0]
    assert identified(torch.zeros(1, 1, 8, 8), gallery) == pytest.approx(2 / 4)


def test_images_that_equal_the_original_are_no_wrong_images() -> None:
    originals = torch.rand(4, 1, 8, 8)
    originals[2] = originals[0]

    assert wrong_image_psnr(originals, originals) < 20
    assert wrong_image_psnr(originals[[0, 0]], originals[[0, 0]]) is None
    equal = originals[:1].repeat(3, 1, 1, 1)
    assert leak_r2(equal, equal, equal) is None
