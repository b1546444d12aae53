"""Weight and number of steps are chosen together, and a search that cannot be the best one any more is given up."""

import math
from collections.abc import Sequence

import pytest
import torch
from mia_bench.attacks._inversion.lbfgs import Minimization
from mia_bench.attacks._inversion.tuning import STOPS, SearchSetting, choose_setting
from torch import Tensor

WEIGHTS = (0.01, 0.1, 1.0)
STEPS = [round(share * 12) for share in STOPS]


class Scripted:
    """Searches whose errors at each stop are given, one list for each image, all of the same truth."""

    def __init__(self, *errors: list[float]) -> None:
        self.errors, self.searched, self.now = errors, [], [True] * len(errors)
        self.images = torch.zeros(len(errors), 1, 2, 2)

    def advance(self, iterations: int) -> Tensor:
        self.searched.append([index for index, searched in enumerate(self.now) if searched])
        for index in self.searched[-1]:
            self.images[index] = self.errors[index][STEPS.index(iterations)]
        return self.images

    def keep(self, wanted: Tensor) -> None:
        self.now = [now and bool(more) for now, more in zip(self.now, wanted, strict=True)]


def chosen(*searches: Scripted, images: int = 1) -> tuple[float, int]:
    setting = compare(*searches, images=images)
    return setting.weight, setting.iterations


def compare(*searches: Scripted, images: int = 1, rival: Sequence[float] = ()) -> SearchSetting:
    truth = torch.zeros(images, 1, 2, 2)
    return choose_setting(searches, truth, WEIGHTS, iterations=12, rival=rival)  # pyright: ignore[reportArgumentType]


def test_a_search_that_gets_worse_stops_where_it_was_best() -> None:
    assert chosen(Scripted([0.3, 0.2, 0.1, 0.2, 0.3, 0.4], [0.5] * 6, [0.5] * 6)) == (0.01, STEPS[2])


def test_a_search_that_gets_better_goes_on() -> None:
    assert chosen(Scripted([0.3, 0.25, 0.2, 0.15, 0.1, 0.05], [0.28, 0.26, 0.24, 0.24, 0.24, 0.24], [0.5] * 6)) == (
        0.01,
        12,
    )


def test_large_weights_behind_a_smaller_one_are_given_up_and_small_ones_that_get_better_are_not() -> None:
    search = Scripted([0.4, 0.3, 0.2, 0.1, 0.05, 0.02], [0.3] * 6, [0.35] + [0.01] * 5)

    assert chosen(search) == (0.01, 12)
    assert search.searched == [[0, 1, 2], [0, 1], [0, 1], [0], [0], [0]]


def test_small_weights_that_get_worse_are_given_up() -> None:
    search = Scripted([0.3, 0.4, 0.001, 0.001, 0.001, 0.001], [0.2] * 6, [0.1] * 6)

    assert chosen(search) == (1.0, STEPS[0])
    assert search.searched[2] == [1, 2]


def test_small_differences_do_not_count() -> None:
    search = Scripted([0.105, 0.1, 0.1, 0.1, 0.1, 0.1], [0.1, 0.105, 0.104, 0.103, 0.102, 0.05], [0.5] * 6)

    assert chosen(search) == (0.1, 12)


@pytest.mark.parametrize("share", [0.8, 0.95])
def test_a_search_far_behind_a_rival_after_as_many_steps_is_given_up(share: float) -> None:
    errors = [0.4, 0.3, 0.2, 0.1, 0.05, 0.01]
    search = Scripted(errors, [0.5] * 6, [0.5] * 6)
    rival = [-20 * math.log10(share * error) for error in errors[:2]]  # 1.9 and 0.4 dB better

    setting = compare(search, rival=rival)

    assert len(search.searched) == (1 if share == 0.8 else 6)
    assert setting.decibels == setting.reached[-1]
    assert setting.reached[0] == pytest.approx(-20 * math.log10(0.4))


def test_images_of_several_searches_are_averaged_in_their_order() -> None:
    first, second = Scripted([0.1] * 6, [0.2] * 6, [0.4] * 6), Scripted([0.4] * 6, [0.1] * 6, [0.4] * 6)

    assert chosen(first, second, images=2) == (0.1, STEPS[0])


@pytest.mark.parametrize("stops", [[10], [3, 7, 10], [1, 10]])
def test_a_search_that_is_interrupted_goes_on_as_if_it_had_not_been(stops: list[int]) -> None:
    goal = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))

    def loss(x: Tensor, index: Tensor) -> Tensor:
        return ((x - goal[index]).square() * torch.linspace(1, 50, 16).view(1, 1, 4, 4)).flatten(1).sum(1)

    start = torch.full_like(goal, 0.5)
    search = Minimization(loss, start, tolerance=1e-4)

    for stop in stops:
        found = search.advance(stop).clone()

    torch.testing.assert_close(found, Minimization(loss, start, tolerance=1e-4).advance(10), rtol=0, atol=0)


def test_images_that_are_not_kept_stay_as_they_are_and_cost_nothing() -> None:
    goal, evaluated = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)), []

    def loss(x: Tensor, index: Tensor) -> Tensor:
        evaluated.append(index.tolist())
        return ((x - goal[index]).square() * torch.linspace(1, 50, 16).view(1, 1, 4, 4)).flatten(1).sum(1)

    search = Minimization(loss, torch.full_like(goal, 0.5))
    before = search.advance(3).clone()
    search.keep(torch.tensor([True, False, True]))
    after = search.advance(9)

    assert evaluated == [[0, 1, 2]] * 4 + [[0, 2]] * 6
    assert torch.equal(after[1], before[1])
    assert not torch.equal(after[0], before[0])
