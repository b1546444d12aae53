"""A network that takes one number of images only is refused with the number and the way out."""

from collections.abc import Callable, Iterable

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.models._graph import linearize
from torch import Tensor, nn


class Reshaping(nn.Module):
    def __init__(self, reshape: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.reshape = reshape

    def forward(self, images: Tensor) -> Tensor:
        return self.reshape(images.mean((2, 3)))


class Parting(nn.Module):
    """Computes outputs for a few images at a time."""

    def __init__(self, parts: Callable[[Tensor], Iterable[Tensor]]) -> None:
        super().__init__()
        self.fc, self.parts = nn.Linear(3, 5), parts

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.fc(part.mean((2, 3))) for part in self.parts(images)])


class Alone(nn.Module):
    """Leaves a single image as it is."""

    def forward(self, values: Tensor) -> Tensor:
        return values * 2 if values.size(0) > 1 else values


def test_a_network_for_exactly_two_images_is_refused_in_a_sentence() -> None:
    with pytest.raises(
        UsageError, match=r"any number of images, got one that does not take 3: .*invalid for"
    ) as caught:
        linearize(Reshaping(lambda means: means.view(2, 3)), (3, 8, 8))
    assert "Original traceback" not in str(caught.value)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("reshape", "words"),
    [
        (
            lambda means: means.view(1, 3),
            r"got Reshaping, which takes 1 but not 2: .*invalid.*\. Build or export it for",
        ),
        (lambda means: means[:2], r"outputs \(2, 3\) for 3 images from Reshaping. Build or export it for any"),
        (
            lambda means: means[:, 0],
            r"at least two dimensions, got \(2,\) from Reshaping. Return \(N, 1\): leave out the",
        ),
    ],
    ids=["one", "two", "vector"],
)
def test_what_is_no_row_for_each_image_is_refused_with_the_remedy(
    reshape: Callable[[Tensor], Tensor], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        linearize(Reshaping(reshape), (3, 8, 8))


@pytest.mark.parametrize(
    "parts",
    [lambda images: images.split(8), lambda images: images.chunk(2), lambda images: [each[None] for each in images]],
)
def test_a_loop_over_images_is_refused_in_a_sentence(parts: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(
        UsageError,
        match=r"[.]py, line \d+, `.*`: The code loops over something whose length depends on what is in the i",
    ) as caught:
        linearize(Parting(parts), (3, 8, 8))
    assert "torch.fx" not in str(caught.value)


def test_code_that_treats_a_single_image_apart_is_kept_whole_or_refused_in_a_sentence() -> None:
    inside = linearize(nn.Sequential(nn.Flatten(), Alone()), (3, 8, 8))
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(inside(image), image.flatten(1))
    with pytest.raises(
        UsageError,
        match=r"got Alone, which cannot: test_number_of_images.py, line \d+, `return values \* 2 if values.s",
    ):
        linearize(Alone(), (3, 8, 8))
