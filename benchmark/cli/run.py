"""Run ``mia-bench run``."""

from __future__ import annotations

from ..evaluation.artifacts import Artifacts
from ..plan.request import Request
from ..plan.suite import requests_of
from ..runner.interruption import Interrupted, interruptible
from ..runner.options import RunOptions
from ..runner.result_warnings import log_warnings
from ..runner.resume import prepare
from ..runner.shown_run import compute
from ..utils.isolation import reproducible_state
from .interruption import tell_interruption
from .plan_summary import print_plan
from .results_table import print_results


@reproducible_state()
def run(
    suite: str | None,
    given: Request,
    options: RunOptions,
    *,
    dry_run: bool,
    quiet: bool = False,
) -> int:
    """Run ``mia-bench run``.

    Args:
        suite: Name or path of a suite, if one is given.
        given: What the command line says about the request; it wins over the suite.
        options: Where and how to compute.
        dry_run: Whether only to print the plan.
        quiet: Whether to show no progress.

    Returns:
        The exit code: 0 when all is done, 1 when cells failed, 128 and the number of the signal when interrupted.
    """
    requests = requests_of(suite, given)
    artifacts = Artifacts(device=options.torch_device, data_dir=options.data_dir)
    try:
        with interruptible():
            planned = prepare(requests, options, artifacts)
            if dry_run:
                print_plan(planned, options, artifacts)
                return 0
            records = compute(planned, options, artifacts, quiet=quiet)
    except Interrupted as error:
        return tell_interruption(error)
    print_results([each.cell for each in planned], records, options.out)
    return 1 if log_warnings(records) else 0
