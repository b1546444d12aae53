"""A trial of datasets and models of plug-ins in a worker process, before this process uses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing

from ..errors import UsageError
from ..evaluation.pool_loader import Facts
from ..plan.cells import Setting
from .jobs import SettingTrial
from .processes import Processes
from .worker_protocol import POLL_SECONDS


def try_settings(settings: Iterable[Setting], workers: Processes) -> Iterator[tuple[Setting, Facts, tuple[str, ...]]]:
    """Have a worker make the data and the untrained models of settings, and end the workers afterwards.

    Yields:
        Each setting, the facts about its data, and the cuts that its split means.

    Raises:
        UsageError: If a setting cannot be made, or making it ends the worker process.
    """
    with closing(workers):
        worker = workers.start()
        for setting in settings:
            workers.submit(worker, SettingTrial(setting))
            yield setting, *_found(setting, workers)


def _found(setting: Setting, workers: Processes) -> tuple[Facts, tuple[str, ...]]:
    suspect = setting.dataset
    while True:
        for _, event in workers.poll(POLL_SECONDS):
            match event.kind:
                case "begun":
                    suspect = setting.model
                case "tried":
                    assert event.facts is not None
                    return event.facts, event.cuts
                case "refused":
                    raise UsageError(event.text)
                case _:
                    how = f"the worker process died ({event.text})" if event.kind == "died" else event.text
                    raise UsageError(
                        f"The {suspect.entry.provided} cannot be used: {how.rstrip('.')}. "
                        "Mend it or uninstall its package."
                    )
