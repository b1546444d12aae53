"""Networks that change the precision of numbers by themselves."""

import re
from collections.abc import Callable

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.models._graph import linearize
from torch import Tensor, nn


class Cast(nn.Module):
    """Compute in another precision in front of a layer."""

    def __init__(self, cast: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.cast, self.fc = cast, nn.Linear(3, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.cast(images.mean((2, 3))))


@pytest.mark.parametrize(
    ("cast", "kind"),
    [
        (Tensor.double, "float64"),
        (Tensor.half, "float16"),
        (lambda value: value.to(torch.bfloat16), "bfloat16"),
        (lambda value: value + torch.ones(1, 3, dtype=torch.float64), "float64"),
    ],
)
def test_a_cast_that_does_not_fit_the_weights_is_named_with_its_line(
    cast: Callable[[Tensor], Tensor], kind: str
) -> None:
    with pytest.raises(UsageError) as refused:
        linearize(Cast(cast), (3, 8, 8))

    assert re.search(
        rf"computes in single precision, .*got Cast, whose own casts .* Remove the cast to {kind} in "
        r"test_precision\.py, line \d+, `.*`\.$",
        str(refused.value),
    )


def test_a_network_that_fails_beside_its_casts_is_refused_for_its_reason() -> None:
    with pytest.raises(UsageError, match="Expected a network that takes 2 images of 3x8x8, got Sequential"):
        linearize(nn.Sequential(nn.Conv2d(1, 2, 3), Cast(Tensor.double)), (3, 8, 8))
