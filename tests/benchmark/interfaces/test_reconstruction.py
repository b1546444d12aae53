"""What an attack returns, and what of it is valid."""

from typing import Any

import pytest
import torch
from mia_bench.benchmark.interfaces import InvalidReconstruction, Reconstruction

SHAPE = (2, 1, 8, 8)
GRAY = torch.full(SHAPE, 0.5)


def test_images_are_a_reconstruction_without_members() -> None:
    whole = Reconstruction(GRAY, "gray", {"gray": GRAY})

    assert Reconstruction.of(whole) is whole
    assert (Reconstruction.of(GRAY).selected, Reconstruction.of(GRAY).members) == ("", {})


def test_a_valid_reconstruction_is_copied_with_printable_names() -> None:
    found = Reconstruction(GRAY.double(), "a\x1bb", {"a\x1bb": GRAY}).validate(SHAPE)

    assert found.images.dtype == torch.float32
    assert (found.selected, list(found.members)) == ("a b", ["a b"])
    assert found.members["a b"].data_ptr() != GRAY.data_ptr()


def test_ssim_is_that_of_the_member_that_was_selected_for_it() -> None:
    dark = torch.zeros(SHAPE)

    assert Reconstruction(GRAY, "gray", {"gray": GRAY, "dark": dark}, "dark").validate(SHAPE).similar.max() == 0
    assert Reconstruction(GRAY).similar is GRAY
    with pytest.raises(InvalidReconstruction, match="Expected selected_by_ssim to be one of the members gray, got 'x'"):
        Reconstruction(GRAY, "gray", {"gray": GRAY}, "x").validate(SHAPE)


INVALID: dict[str, tuple[Any, str]] = {
    "another type": (GRAY.numpy(), r"Expected a tensor of images \(2, 1, 8, 8\) from the attack, got ndarray"),
    "another shape": (GRAY[1:], r"Expected images \(2, 1, 8, 8\) from the attack, got \(1, 1, 8, 8\)"),
    "whole numbers": (GRAY.long(), r"Expected a dense tensor of floats in \[0, 1\] from the attack, got torch.int64"),
    "too bright": (GRAY * 3, r"Expected finite values in \[0, 1\] from the attack, got values in \[1.5, 1.5\]"),
    "not a number": (GRAY.index_fill(0, torch.tensor([1]), torch.nan), "from the attack, got NaN in 1 of 2 images"),
    "infinite": (GRAY / 0, r"values in \[inf, inf\]"),
}


@pytest.mark.parametrize(("images", "sentence"), INVALID.values(), ids=INVALID)
def test_anything_else_is_refused_in_the_answer_and_in_its_members(images: Any, sentence: str) -> None:
    for answer in (Reconstruction(images), Reconstruction(GRAY, "a", {"a": GRAY, "b": images})):
        with pytest.raises(InvalidReconstruction, match=sentence):
            answer.validate(SHAPE)


def test_samples_are_images_for_every_wire() -> None:
    assert Reconstruction(GRAY, samples=torch.rand(5, *SHAPE)).validate(SHAPE).samples.shape == (5, *SHAPE)
    for samples in (GRAY, GRAY[None, :1], 2 + GRAY[None], [GRAY]):
        with pytest.raises(InvalidReconstruction):
            Reconstruction(GRAY, samples=samples).validate(SHAPE)
    with pytest.raises(InvalidReconstruction, match="got NaN in 6 of 6 images"):
        Reconstruction(GRAY, samples=torch.full((3, *SHAPE), torch.nan)).validate(SHAPE)
