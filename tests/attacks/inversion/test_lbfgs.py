"""The optimizer of the inversions, against problems whose solution is known."""

from itertools import pairwise

import pytest
import torch
from mia_bench.attacks._inversion.lbfgs import NO_BOUNDS, Minimization, minimize
from torch import Tensor


def quadratic(seed: int, count: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    return torch.rand(count, 1, 4, 4) * 1.6 - 0.3, 10 ** torch.linspace(0, 3, 16).view(1, 1, 4, 4)


def test_a_quadratic_with_bounds_is_solved_exactly() -> None:
    goal, weight = quadratic(0, 5)

    found = minimize(
        lambda x, index: ((x - goal).square() * weight).flatten(1).sum(1), torch.full_like(goal, 0.5), iterations=150
    )

    torch.testing.assert_close(found, goal.clamp(0, 1), atol=1e-3, rtol=0)


def test_without_bounds_the_solution_may_leave_the_range_of_images() -> None:
    goal, weight = quadratic(0, 5)

    def loss(x: Tensor, index: Tensor) -> Tensor:
        return ((x - goal).square() * weight).flatten(1).sum(1)

    search = Minimization(loss, torch.full_like(goal, 0.5), bounds=NO_BOUNDS)

    assert goal.min() < 0
    torch.testing.assert_close(search.advance(150), goal, atol=1e-3, rtol=0)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_the_unit_of_the_loss_does_not_matter(scale: float) -> None:
    goal, weight = quadratic(1, 3)

    found = minimize(
        lambda x, index: scale * ((x - goal).square() * weight).flatten(1).sum(1),
        torch.full_like(goal, 0.5),
        iterations=150,
    )

    torch.testing.assert_close(found, goal.clamp(0, 1), atol=1e-3, rtol=0)


def test_the_loss_of_no_image_ever_rises() -> None:
    goal, _ = quadratic(2, 4)
    start = torch.full_like(goal, 0.5)

    def wavy(x: Tensor, index: Tensor | None = None) -> Tensor:
        return ((x - goal).square() + 0.1 * (30 * x).sin()).flatten(1).sum(1)

    values = [wavy(minimize(wavy, start, iterations=count)) for count in (1, 3, 10, 30)]

    assert (wavy(start) >= values[0]).all()
    assert all((later <= earlier + 1e-6).all() for earlier, later in pairwise(values))


@pytest.mark.parametrize("tolerance", [0.0, 3e-4])
def test_an_image_whose_first_steps_are_too_long_gets_shorter_ones(tolerance: float) -> None:
    goal = torch.tensor([0.505, 0.515]).view(2, 1, 1, 1).expand(2, 1, 4, 4)

    def well(x: Tensor, index: Tensor) -> Tensor:
        return 1e-4 * (1 - (-(x - goal[index]).square() / (2 * 0.01**2)).exp()).flatten(1).sum(1)

    found = minimize(well, torch.full_like(goal, 0.5), iterations=40, tolerance=tolerance)

    torch.testing.assert_close(found, goal, atol=1e-3, rtol=0)


def test_an_image_that_is_already_best_stays() -> None:
    start = torch.full((2, 1, 4, 4), 0.25)

    assert torch.equal(minimize(lambda x, index: (x - 0.25).square().flatten(1).sum(1), start, iterations=5), start)


def test_converged_images_leave_the_batch_and_the_others_continue_unchanged() -> None:
    goal = torch.rand(4, 1, 4, 4, generator=torch.Generator().manual_seed(3))
    stretch = torch.tensor([1.0, 1e3, 1.0, 1e3]).view(-1, 1, 1, 1) ** torch.linspace(0, 1, 16).view(1, 1, 4, 4)
    evaluated: list[list[int]] = []

    def loss(x: Tensor, index: Tensor) -> Tensor:
        evaluated.append(index.tolist())
        return 1 + ((x - goal[index]).square() * stretch[index]).flatten(1).sum(1)

    start = torch.full_like(goal, 0.5)
    whole = minimize(loss, start, iterations=60)
    assert evaluated == [[0, 1, 2, 3]] * 61
    evaluated.clear()
    short = minimize(loss, start, iterations=60, tolerance=1e-3)

    assert evaluated[-1] != [0, 1, 2, 3]
    assert [1, 3] in evaluated
    torch.testing.assert_close(short, whole, atol=0.02, rtol=0)


@pytest.mark.parametrize("start", [0.1, 0.85])
def test_a_step_to_where_the_loss_is_not_a_number_is_shortened(start: float) -> None:
    """The square root ends at 0.9, and the first steps go beyond."""
    torch.manual_seed(0)

    def loss(images: Tensor, index: Tensor) -> Tensor:
        return ((0.9 - images).sqrt() - 0.3**0.5).square().flatten(1).sum(1)

    found = minimize(loss, start + 0.02 * torch.rand(2, 1, 4, 4), iterations=100)

    torch.testing.assert_close(found, torch.full_like(found, 0.6), atol=1e-3, rtol=0)
