"""The checks of ``mia-bench check`` for the tests of a plug-in.

Example:
    import pytest
    from mia_bench.testing import checks_of
    from my_package import MyDefense

    @pytest.mark.parametrize("check", checks_of(MyDefense()), ids=str)
    def test_my_defense_keeps_the_contract(check):
        check()

``check`` returns all outcomes at once; ``assert_contract`` raises an exception if a check failed. ``Lab`` is the small
victim and attacker on which the checks run, for tests that compare results: see its example.
"""

from pathlib import Path

from .benchmark.checks.catalog import checks_of
from .benchmark.checks.check import Check, Failed, Outcome, Skipped, outcomes
from .benchmark.checks.lab import PLACES, Lab, Place
from .benchmark.interfaces import Component

__all__ = ["PLACES", "Check", "Failed", "Lab", "Outcome", "Place", "Skipped", "assert_contract", "check", "checks_of"]


def check(component: Component | type[Component], *, data_dir: Path | str | None = None) -> list[Outcome]:
    """Carry out all checks of a component and return their outcomes.

    Args:
        component: an attack, a defense, a model or a dataset, or a class of these.
        data_dir: the folder of the data of a dataset.

    Example:
        >>> from mia_bench.defenses.dp_ir import DpIr
        >>> [outcome for outcome in check(DpIr(sigma=0.5)) if outcome.status == "failed"]
        []
    """
    with Lab(data_dir=None if data_dir is None else Path(data_dir)) as lab:
        return list(outcomes(checks_of(component, lab=lab)))


def assert_contract(component: Component | type[Component], *, data_dir: Path | str | None = None) -> None:
    """Carry out all checks of a component and raise an exception if any failed.

    Raises:
        Failed: if a check failed; the message has one line for each.
    """
    failed = [str(outcome) for outcome in check(component, data_dir=data_dir) if outcome.status == "failed"]
    if failed:
        raise Failed("\n".join(failed))
