"""One cell: let the attack loose on what the adversary sees, and score what it brings back."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, cast

import torch
from pydantic import ValidationError
from torch import Tensor

from ... import __version__
from ..errors import Inapplicable, UsageError, clean, describe, message_of
from ..interfaces import Attack, Observation, Reconstruction
from ..leaderboard.records import KINDS, explain
from ..leaderboard.store import Record, Row
from ..metrics.leakage import overlap
from ..plan.cells import Cell
from ..plan.references import PROTOCOL
from ..registry import DISTRIBUTION
from ..utils.isolation import isolated
from .artifacts import Artifacts
from .protection import Protected
from .scoring import bound, compare, compare_members, finite_details, score, score_columns


class InvalidReconstruction(Exception):
    """An attack returned something that is not one image in [0, 1] per entry of the wire."""


class InvalidFacts(Exception):
    """A defense tells of itself what no leaderboard can hold, such as an infinite epsilon."""


def evaluate(cell: Cell, cell_id: str, bench: Artifacts) -> tuple[Record, Tensor | None]:
    """Run one cell.

    Whatever goes wrong inside a component becomes a record with its reason, unless the user can mend it.

    Returns:
        The record, and the reconstructions (N, C, H, W) if there are any.

    Raises:
        UsageError: if a parameter turns out to be wrong, or a cached file damaged.
    """
    facts: dict[str, Any] = {}
    details: dict[str, float] = {}

    def without_scores(status: str, reason: str) -> Record:
        return incomplete(
            cell, cell_id, status=status, reason=reason, device=str(bench.device), details=details, **facts
        )

    try:
        protected = bench.protected(cell.setting)
        facts, details = _allowed(_describe(protected)), dict(protected.details)
        attack, attacked = cast(Attack, cell.attack.component), bench.attacked(cell.setting)
        limit, more = bound(bench, cell.setting, attack.observations)
        facts, details = facts | _allowed(limit), details | more
        seen = bench.observe(cell.setting, attack)
        details["aux_overlap"] = overlap(seen.aux, attacked.images)
        start = time.perf_counter()
        rebuilt = _reconstruct(attack, seen, cell_id)
        facts["attack_seconds"] = round(time.perf_counter() - start, 3)
        values = compare(rebuilt.images, attacked)
        scores, more = score(bench, cell.setting, rebuilt.images)
        details |= {**more, **compare_members(rebuilt, attacked)}
        scores |= score_columns(values)
        row = Row(**_names(cell, cell_id), **facts, **scores, status="done", device=str(bench.device))
        held, notes = finite_details(details)
        notes |= {"selected": rebuilt.selected, "data": bench.pools(cell.setting.dataset).note}
        told = {name: note for name, note in notes.items() if note}
        return Record(row=row, details=held, notes=told, per_image=values), rebuilt.images
    except KeyboardInterrupt:
        raise
    except UsageError as error:
        if not cell.foreign:
            raise
        return without_scores("failed", describe(error)), None
    except Inapplicable as error:
        return without_scores("inapplicable", message_of(error)), None
    except BaseException as error:  # a component must not end the run
        return without_scores("failed", describe(error)), None


def _allowed(facts: dict[str, Any]) -> dict[str, Any]:
    """What is told of a protected model, if a leaderboard can hold it: a defense may promise what is not a number."""
    found = {}
    for name, value in facts.items():
        try:
            found[name] = KINDS[name].validate_python(value)
        except ValidationError as error:
            raise InvalidFacts(explain(error, name)) from error
    return found


def incomplete(cell: Cell, cell_id: str, *, details: dict[str, float] | None = None, **facts: Any) -> Record:
    """The record of a cell without scores; ``facts`` give at least ``status``, ``reason`` and ``device``."""
    held, notes = finite_details(details or {})
    return Record(row=Row(**_names(cell, cell_id), **facts), details=held, notes=notes)


def _reconstruct(attack: Attack, seen: Observation, cell_id: str) -> Reconstruction:
    expected = (len(seen.wire), *seen.image_shape)
    with isolated("attack", cell_id):
        answer = attack.reconstruct(seen)
    rebuilt = answer if isinstance(answer, Reconstruction) else Reconstruction(answer, "", {})
    members = {clean(str(name)): _checked(images, expected) for name, images in rebuilt.members.items()}
    return Reconstruction(_checked(rebuilt.images, expected), clean(str(rebuilt.selected)), members)


def _checked(images: Tensor, expected: tuple[int, ...]) -> Tensor:
    """Images that an attack has returned, as a tensor of numbers of its own."""
    if not isinstance(images, Tensor):
        raise InvalidReconstruction(f"the attack returned {clean(type(images).__name__)}; expected images {expected}")
    with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():
        if tuple(images.shape) != expected:
            raise InvalidReconstruction(f"the attack returned {tuple(images.shape)}; expected images {expected}")
        if images.layout is not torch.strided or images.is_meta or not images.is_floating_point():
            found = "a tensor without numbers" if images.is_meta else f"a {images.layout} tensor of {images.dtype}"
            raise InvalidReconstruction(f"the attack returned {found}; expected a dense tensor of float32")
        plain = images.detach().as_subclass(Tensor).to(torch.float32, copy=True)
    low, high = plain.min().item(), plain.max().item()
    if not (torch.isfinite(plain).all() and low >= -1e-6 and high <= 1 + 1e-6):
        raise InvalidReconstruction(
            f"the attack returned values in [{low:g}, {high:g}]; expected finite values in [0, 1]"
        )
    return plain


def _names(cell: Cell, cell_id: str) -> dict[str, Any]:
    setting, attack = cell.setting, cell.attack
    foreign = {
        (chosen.entry.package, chosen.entry.version)
        for chosen in (setting.dataset, setting.model, setting.defense, attack)
        if chosen.entry.package != DISTRIBUTION
    }
    return {
        **cell.columns,
        "access": cast(Attack, attack.component).access.value,
        "cell_id": cell_id,
        "protocol": PROTOCOL,
        "code_version": __version__,
        "plugin_version": ";".join(f"{package}=={version}" for package, version in sorted(foreign)),
        "torch_version": str(torch.__version__),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _describe(protected: Protected) -> dict[str, Any]:
    costs, promise = protected.costs, protected.model.promise
    return {
        "accuracy": protected.accuracy,
        "accuracy_undefended": protected.accuracy_undefended,
        "accuracy_images": protected.accuracy_images,
        "epsilon": promise.epsilon,
        "delta": promise.delta,
        "guarantee": clean(promise.guarantee),
        "wire_bytes": costs.wire_bytes,
        "client_macs": costs.client_macs,
        "client_params": costs.client_params,
        "client_ms": round(costs.client_ms, 4),
        "server_ms": round(costs.server_ms, 4),
    }
