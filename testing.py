"""The checks of ``mia-bench check`` for the tests of a plug-in.

    import pytest
    from mia_bench.testing import checks_of
    from my_package import MyDefense

    @pytest.mark.parametrize("check", checks_of(MyDefense()), ids=str)
    def test_my_defense_keeps_the_contract(check):
        check()

``check`` gives all outcomes at once; ``assert_contract`` raises if one failed.
"""

from pathlib import Path

from .benchmark.checks.catalog import checks_of
from .benchmark.checks.check import Check, Failed, Outcome, Skipped, outcomes
from .benchmark.checks.lab import PLACES, Lab, Place
from .benchmark.interfaces import Component

__all__ = ["PLACES", "Check", "Failed", "Lab", "Outcome", "Place", "Skipped", "assert_contract", "check", "checks_of"]


def check(component: Component | type[Component], *, data_dir: Path | str | None = None) -> list[Outcome]:
    """Carry out all checks of a component; nothing is raised for what they find."""
    return list(outcomes(checks_of(component, data_dir=data_dir)))


def assert_contract(component: Component | type[Component], *, data_dir: Path | str | None = None) -> None:
    """Carry out all checks of a component.

    Raises:
        Failed: if one or more failed; the message is one line for each.
    """
    failed = [str(outcome) for outcome in check(component, data_dir=data_dir) if outcome.status == "failed"]
    if failed:
        raise Failed("\n".join(failed))
