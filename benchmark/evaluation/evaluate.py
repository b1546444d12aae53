"""One cell: measure the protected model, attack it, and score the reconstructions."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import torch
from pydantic import ValidationError

from ... import __version__
from ..errors import ContractError, Inapplicable, UsageError, clean, describe, message_of
from ..interfaces import Attack, Defense, Observation, Reconstruction
from ..leaderboard.records import KINDS, PerImage, Record, Row, explain
from ..metrics.leakage import overlap
from ..plan.cells import Cell
from ..plan.plugin_code import loaded_code, noted_code, plugin_code
from ..plan.references import PROTOCOL
from ..registry import DISTRIBUTION
from ..utils.isolation import isolated
from .artifacts import Artifacts
from .observe import call_attack
from .perceptual import MS_SSIM_ALONE, PerceptualMeasures
from .protection import Protected
from .scoring import (
    bound,
    calibrate,
    compare_members,
    compare_samples,
    compare_selected,
    finite_details,
    score,
    score_columns,
)
from .wire_contract import NOT_RANDOM, UNDECLARED_EPSILON


@dataclass(frozen=True)
class Measured:
    """A part of what is recorded of a cell.

    Attributes:
        columns: Values of the row, by column.
        details: What the record holds in addition to the row, by name.

    Example:
        >>> (Measured({"psnr_db": 20.0}) | Measured({"ssim": 0.5})).columns
        {'psnr_db': 20.0, 'ssim': 0.5}
    """

    columns: dict[str, Any] = field(default_factory=dict)
    details: dict[str, float] = field(default_factory=dict)

    def __or__(self, other: Measured) -> Measured:
        """Join two parts."""
        return Measured(self.columns | other.columns, self.details | other.details)


@dataclass(frozen=True)
class _Attacked:
    """The outcome of an attack.

    Attributes:
        reconstruction: Its images, (N, C, H, W).
        measured: What it cost.
    """

    reconstruction: Reconstruction
    measured: Measured


def evaluate(
    cell: Cell, cell_id: str, artifacts: Artifacts, perceptual: PerceptualMeasures = MS_SSIM_ALONE
) -> tuple[Record, Reconstruction | None]:
    """Run one cell.

    An error inside a component becomes a record with its reason, unless the user can correct it.

    Args:
        cell: The cell.
        cell_id: Its id.
        artifacts: The data and models.
        perceptual: The perceptual measures that are computed as well.

    Returns:
        The record, and the reconstruction if there is one.

    Raises:
        UsageError: If a parameter turns out to be wrong, or a cached file damaged.
    """
    measured, device = Measured(), str(artifacts.device)
    code = noted_code(plugin_code(cell, loaded_code))
    try:
        measured = _measure_defense(cell, artifacts)
        measured |= _measure_bound(cell, artifacts)
        measured |= _measure_attribute(cell, artifacts)
        seen = artifacts.observe(cell.setting, cast(Attack, cell.attack.component))
        measured |= _measure_overlap(cell, seen, artifacts)
        attacked = _attack(cell, cell_id, seen)
        measured |= attacked.measured
        scored, per_image = _score(cell, attacked.reconstruction, artifacts)
        seen_as, empty = perceptual.compute(attacked.reconstruction.images, artifacts.originals(cell.setting))
        measured |= scored | Measured(seen_as)
        row = Row(**_names(cell, cell_id), **measured.columns, status="done", device=device)
        held, notes = finite_details(measured.details)
        notes |= empty | perceptual.notes(seen_as) | artifacts.notes(cell.setting)
        notes |= artifacts.protected(cell.setting).notes
        notes |= {
            "selected": attacked.reconstruction.selected,
            "selected_by_ssim": attacked.reconstruction.selected_by_ssim,
            "data": artifacts.pools(cell.setting.dataset).note,
            "plugin_code": code,
        }
        notes = {name: note for name, note in notes.items() if note}
        return Record(row=row, details=held, notes=notes, per_image=per_image), attacked.reconstruction
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a component must not end the run
        if isinstance(error, UsageError) and not cell.foreign:
            raise
        inapplicable = isinstance(error, Inapplicable)
        status, reason = ("inapplicable", message_of(error)) if inapplicable else ("failed", describe(error))
        return incomplete(cell, cell_id, status=status, reason=reason, device=device, measured=measured), None


def incomplete(
    cell: Cell, cell_id: str, *, status: str, reason: str, device: str, measured: Measured | None = None
) -> Record:
    """Return the record of a cell without scores.

    Args:
        cell: The cell.
        cell_id: Its id.
        status: ``failed`` or ``inapplicable``.
        reason: Why there are no scores.
        device: Where it was computed.
        measured: What was measured before it failed.
    """
    found = measured or Measured()
    held, notes = finite_details(found.details)
    facts = {**_names(cell, cell_id), **found.columns, "status": status, "reason": reason, "device": device}
    return Record(row=Row(**facts), details=held, notes=notes)


def _measure_defense(cell: Cell, artifacts: Artifacts) -> Measured:
    protected = artifacts.protected(cell.setting)
    epsilon = protected.model.promise.epsilon
    if epsilon is not None and not protected.model.stochastic:
        raise ContractError(NOT_RANDOM)
    if epsilon is not None and cast(Defense, cell.setting.defense.component).guarantee == "none":
        raise ContractError(UNDECLARED_EPSILON.format(epsilon))
    return Measured(_valid(_describe(protected)), dict(protected.details))


def _measure_bound(cell: Cell, artifacts: Artifacts) -> Measured:
    limit, details = bound(artifacts, cell.setting, cast(Attack, cell.attack.component).observations)
    return Measured(_valid(limit), details)


def _measure_attribute(cell: Cell, artifacts: Artifacts) -> Measured:
    leak = artifacts.attribute_leak(cell.setting)
    if leak is None:
        return Measured()
    columns = {"attribute": leak.name, "attribute_accuracy": leak.accuracy, "attribute_gain": leak.gain}
    return Measured(columns, leak.details)


def _measure_overlap(cell: Cell, seen: Observation, artifacts: Artifacts) -> Measured:
    return Measured(details={"aux_overlap": overlap(seen.aux, artifacts.originals(cell.setting))})


def _attack(cell: Cell, cell_id: str, seen: Observation) -> _Attacked:
    start = time.perf_counter()
    reconstruction = reconstruct(cast(Attack, cell.attack.component), seen, cell_id)
    seconds = round(time.perf_counter() - start, 3)
    return _Attacked(reconstruction, Measured({"attack_seconds": seconds}))


def reconstruct(attack: Attack, seen: Observation, cell_id: str) -> Reconstruction:
    """Have an attack reconstruct what it observes, on the random stream of its cell.

    Raises:
        InvalidReconstruction: If it does not return one image in [0, 1] for each entry of the wire.
    """
    shape = (len(seen.wire), *seen.image_shape)
    with isolated("attack", cell_id):
        answer = call_attack(attack, seen)
    return Reconstruction.of(answer).validate(shape)


def _score(cell: Cell, reconstruction: Reconstruction, artifacts: Artifacts) -> tuple[Measured, PerImage]:
    attacked = artifacts.attacked(cell.setting)
    per_image = compare_selected(reconstruction, attacked)
    columns, details = score(artifacts, cell.setting, reconstruction.images)
    observations = cast(Attack, cell.attack.component).observations
    gap, bounds = calibrate(artifacts, cell.setting, observations, reconstruction.images)
    columns, details = columns | gap, details | bounds
    details |= compare_members(reconstruction, attacked)
    details |= compare_samples(reconstruction.samples, attacked.images)
    return Measured(columns | score_columns(per_image), details), per_image


def _valid(columns: dict[str, Any]) -> dict[str, Any]:
    """Return values of columns if a leaderboard can hold them: a defense may report what is not a number."""
    found = {}
    for name, value in columns.items():
        try:
            found[name] = KINDS[name].validate_python(value)
        except ValidationError as error:
            raise ContractError(f"{explain(error, name)}. Correct what the defense reports.") from error
    return found


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
        "attack_version": attack.component.version,
        "cell_id": cell_id,
        "protocol": PROTOCOL,
        "code_version": __version__,
        "plugin_version": ";".join(f"{package}=={version}" for package, version in sorted(foreign)),
        "torch_version": str(torch.__version__),
        "finished_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def _describe(protected: Protected) -> dict[str, Any]:
    costs, promise, useful = protected.costs, protected.model.promise, protected.useful
    return {
        "accuracy": useful.accuracy,
        "accuracy_undefended": useful.accuracy_undefended,
        "accuracy_images": useful.images,
        "task": useful.task,
        "utility": useful.utility,
        "utility_metric": useful.metric,
        "agreement": useful.agreement,
        "epsilon": promise.epsilon,
        "delta": promise.delta,
        "guarantee": clean(promise.guarantee),
        "wire_bytes": costs.wire_bytes,
        "client_macs": costs.client_macs,
        "client_params": costs.client_params,
        "client_ms": round(costs.client_ms, 4),
        "server_ms": round(costs.server_ms, 4),
        "rounds": costs.rounds,
        "bytes_down": costs.bytes_down,
        "client_param_bytes": costs.client_param_bytes,
        "client_peak_bytes": costs.client_peak_bytes,
    }
