"""Methods that keep their latest results."""

import gc
import weakref

from mia_bench.benchmark.utils.keep_latest import keep_latest


class Squares:
    def __init__(self) -> None:
        self.computed: list[int] = []

    @keep_latest(2)
    def of(self, number: int) -> int:
        """Square a number."""
        self.computed.append(number)
        return number**2


def test_the_latest_results_are_computed_once() -> None:
    squares = Squares()

    assert [squares.of(number) for number in (1, 2, 1, 2, 3, 1)] == [1, 4, 1, 4, 9, 1]
    assert squares.computed == [1, 2, 3, 1]


def test_objects_share_no_results_and_are_not_kept_alive() -> None:
    first, second = Squares(), Squares()
    assert first.of(3) == second.of(3) == 9
    assert second.computed == [3]

    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None


def test_a_method_keeps_its_docstring() -> None:
    assert Squares.__dict__["of"].__doc__ == "Square a number."
