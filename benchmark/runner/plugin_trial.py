"""A trial of datasets and models of plug-ins in a worker process, before this process uses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing

from ..errors import UsageError
from ..evaluation.pool_loader import Facts
from ..plan.cells import Setting
from .processes import Processes
from .tasks import Look

PATIENCE_SECONDS = 0.2
"""The longest time to wait for a message of the worker at a time."""


def look(settings: Iterable[Setting], workers: Processes) -> Iterator[tuple[Setting, Facts, tuple[str, ...]]]:
    """Have a worker make the data and the untrained models of settings, and end the workers afterwards.

    Yields:
        Each setting, the facts about its data, and the cuts that its split means.

    Raises:
        UsageError: If a setting cannot be made, or making it ends the worker process.
    """
    with closing(workers):
        worker = workers.start()
        for setting in settings:
            workers.submit(worker, Look(setting))
            yield setting, *_found(setting, workers)


def _found(setting: Setting, workers: Processes) -> tuple[Facts, tuple[str, ...]]:
    suspect = setting.dataset
    while True:
        for _, news in workers.poll(PATIENCE_SECONDS):
            match news.kind:
                case "begun":
                    suspect = setting.model
                case "looked":
                    assert news.facts is not None
                    return news.facts, news.cuts
                case "refused":
                    raise UsageError(news.text)
                case _:
                    how = f"the worker process died ({news.text})" if news.kind == "died" else news.text
                    raise UsageError(
                        f"The {suspect.entry.provided} cannot be used: {how.rstrip('.')}. "
                        "Mend it or uninstall its package."
                    )
