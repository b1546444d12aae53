"""A fresh process that computes on a component, and that may be ended if it hangs."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import torch

from ..errors import describe
from ..interfaces import Attack, Component, Wire
from ..utils.spawn import without_main_module
from .check import Failed
from .effects import Effects, effects, scenes
from .lab import Lab

Task = Literal["effects", "broken wire"]
START_SECONDS = 120
"""Until the process has imported everything."""


class Unreachable(Failed):
    """A component cannot be taken to a worker process."""


_running: list[Worker] = []
"""The one that is kept for the next question, since to start one takes seconds."""


def ask_worker(
    task: Task, component: Component, data_dir: Path | None = None, *, seconds: float | None = None
) -> Effects:
    """Have a worker process compute something; after a failure, the next question goes to a new one.

    Raises:
        Failed: as ``Worker.ask``.
    """
    if not _running:
        _running.append(Worker())
    try:
        return _running[0].ask(task, component, data_dir, seconds=seconds)
    except BaseException:
        _running.pop().end()
        raise


class Worker:
    """A process that answers until it is ended."""

    def __init__(self) -> None:
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, torch.get_num_threads()), daemon=True)
        with without_main_module():
            self._process.start()
        there.close()

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.join()
        self._here.close()

    def ask(self, task: Task, component: Component, data_dir: Path | None, *, seconds: float | None = None) -> Effects:
        """Have something computed.

        Args:
            task: what.
            component: on which.
            data_dir: where a dataset finds its data.
            seconds: how long it may take; None for as long as it does.

        Raises:
            Failed: if the component cannot be sent or used there, takes longer, or the process dies.
        """
        try:
            self._here.send(sys.path)  # it may have grown since the process was started
            self._here.send((task, component, data_dir))
        except Exception as error:  # whatever the component raises when it is taken apart
            raise Unreachable(f"it cannot be sent to a worker process: {describe(error)}") from error
        try:
            if not self._here.poll(START_SECONDS):
                raise Failed(f"the worker process did not begin within {START_SECONDS} s")
            if (begun := self._here.recv()) != "begun":
                raise Unreachable(f"the class cannot be imported in a worker process: {begun}")
            if not self._here.poll(seconds):
                raise Failed(f"there is no answer after {seconds:.0f} s")
            answer = self._here.recv()
        except EOFError as error:
            raise Failed("the worker process died") from error
        if isinstance(answer, str):
            raise Failed(f"the worker process answers: {answer}")
        return answer


def _serve(there: Connection, threads: int) -> None:
    torch.set_num_threads(threads)
    work: dict[Task, Callable[[Any, Lab], Effects]] = {"effects": _effects, "broken wire": _broken_wire}
    while True:
        try:
            sys.path[:] = there.recv()
            task, component, data_dir = there.recv()
        except EOFError:
            return
        except Exception as error:  # the class cannot be imported here
            there.send(describe(error))
            continue
        there.send("begun")
        try:
            there.send(work[task](component, Lab(data_dir=data_dir)))
        except Exception as error:
            there.send(describe(error))


def _effects(component: Component, lab: Lab) -> Effects:
    return effects(component, lab, scenes(component, lab)[0])


def _broken_wire(attack: Attack, lab: Lab) -> Effects:
    """Let an attack loose on wires without a number in them; that it refuses them is fine."""
    place = lab.place(attack)
    wire = lab.observation(attack, place).wire
    broken = Wire(torch.full_like(wire.tensor, torch.nan))
    try:
        answer = lab.attack(attack, place, broken)
    except Exception as error:
        return Effects(facts=(f"refuses them ({type(error).__name__})",))
    finite = torch.as_tensor(answer.images).isfinite().all()
    return Effects(facts=("answers with images" if finite else "answers with no numbers, which the harness reports",))
