"""Write a protected network as two graphs and their description."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from ..errors import Diverged, Inapplicable, UsageError, message_of, reason_of
from ..evaluation.artifacts import Artifacts
from ..evaluation.protection import defended
from ..interfaces import SplitModel
from ..plan.cells import Setting
from ..plan.expansion import plan
from ..plan.part_choice import name_of
from ..plan.references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ..plan.request import Request
from ..runner.options import RunOptions
from ..runner.pinning import pin_cells
from ..utils.atomic_files import check_writable, writing
from ..utils.cache import digest
from ..utils.extras import require_extra
from ..utils.isolation import reproducible_state
from .description import describe_split
from .graphs import CLIENT, SERVER, graphs_of
from .halves import Halves, halves_of

DESCRIPTION = "split.json"
FILES = (CLIENT, SERVER, DESCRIPTION)
SCRATCH = ".export-"
"""What the name of the folder begins with in which files lie until all are written."""
OTHER_OUT = "Choose another --out."
COMPARED_IMAGES = 5
"""Images on which the graphs are compared with torch."""


@reproducible_state()
def export_split(given: Request, options: RunOptions, *, force: bool) -> list[Path]:
    """Train or read a network, protect it, and write its halves.

    Args:
        given: The dataset, the model, the split and the defense, one of each.
        options: Where to write and to compute, and the folder of the data.
        force: Whether to replace files of an earlier export.

    Returns:
        The paths of the files.

    Raises:
        UsageError: If more than one network is asked for, it cannot be expressed in ONNX, or a file exists.
    """
    require_extra("onnx", "onnx", "onnxscript", "onnxruntime")
    there = [name for name in FILES if (options.out / name).exists()]
    if there and not force:
        raise UsageError(
            f"Expected a folder without {', '.join(there)}, got {options.out}. Choose another --out, or give --force."
        )
    artifacts = Artifacts(device=options.torch_device, data_dir=options.data_dir)
    setting = _only_setting(given, artifacts)
    artifacts.targets.structure(setting.dataset, setting.model).split(setting.split)
    check_writable(options.out, OTHER_OUT)
    undefended, model = _protected(setting, artifacts)
    with _as_sentence(f"a copy of the network with {setting.defense.label}", "Choose another defense, or mend it."):
        halves = halves_of(model, setting.defense.label)
    with _as_sentence(f"the network with {setting.defense.label}", "Choose another defense, or mend it."):
        contents = _contents(setting, (undefended, model), halves, artifacts, options.data_dir)
    with writing(options.out, remedy=OTHER_OUT):
        options.out.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=SCRATCH, dir=options.out) as folder:
            for name in FILES:
                Path(folder, name).write_bytes(contents[name])
            (options.out / DESCRIPTION).unlink(missing_ok=True)  # it comes last, and never beside other graphs
            for name in FILES:
                os.replace(Path(folder, name), options.out / name)
    return [options.out / name for name in FILES]


def _only_setting(given: Request, artifacts: Artifacts) -> Setting:
    defenses = given.defenses or [REFERENCE_DEFENSE]
    request = given.model_copy(update={"attacks": [REFERENCE_ATTACK], "defenses": defenses})
    settings = list(dict.fromkeys(cell.setting for cell in pin_cells(plan(request), artifacts)))
    if REFERENCE_DEFENSE not in map(name_of, defenses):  # The plan contains the undefended network, too.
        settings = [setting for setting in settings if setting.defense.name != REFERENCE_DEFENSE]
    if len(settings) != 1:
        raise UsageError(
            f"Expected one network to export, got {len(settings)}: {'; '.join(each.label for each in settings[:3])}. "
            "Give one dataset, model, split, defense and seed."
        )
    return settings[0]


def _protected(setting: Setting, artifacts: Artifacts) -> tuple[SplitModel, SplitModel]:
    """Return the network without and with the defense."""
    with _as_sentence(f"the training of {setting.model.label}", "Choose another network, or mend it."):
        target = artifacts.targets.get(setting.dataset, setting.model, setting.seed)
        undefended, train = target.split(setting.split), artifacts.training_images(setting)
    try:
        with _as_sentence(
            f"{setting.defense.label}, which protects the network,", "Choose another defense, or mend it."
        ):
            return undefended, defended(setting, undefended, train)
    except Inapplicable as error:
        raise UsageError(f"{setting.defense.label} cannot protect this network: {message_of(error)}") from error


@contextmanager
def _as_sentence(what: str, remedy: str) -> Iterator[None]:
    """Turn an error in the code of a component into a sentence with its reason.

    Raises:
        UsageError: If the block raises an error that commands do not expect.
    """
    try:
        yield
    except (UsageError, Inapplicable):
        raise
    except Diverged as error:
        raise UsageError(message_of(error)) from error
    except Exception as error:  # of a plug-in, or of torch for what it asks for
        raise UsageError(f"Expected {what} to succeed, got an error: {reason_of(error)}. {remedy}") from error


def _contents(
    setting: Setting,
    models: tuple[SplitModel, SplitModel],
    halves: Halves,
    artifacts: Artifacts,
    data_dir: Path | None,
) -> dict[str, bytes]:
    """Return what each file holds, for the network without and with the defense.

    Nothing is written, so that an ``OSError`` is one of a component.
    """
    undefended, model = models
    pools = artifacts.targets.pools(setting.dataset, setting.model)
    images = pools.train.images[:COMPARED_IMAGES].cpu()
    graphs = graphs_of(halves, images)
    described = describe_split(
        replace(setting, images=min(setting.images, len(pools.private))),
        model,
        graphs,
        undefended=undefended,
        images=images,
        classes=cast(tuple[str, ...], pools.classes),
        target=digest(artifacts.targets.identity(setting.dataset, setting.model, setting.seed)),
        data_dir=data_dir,
    )
    return {
        CLIENT: graphs.client,
        SERVER: graphs.server,
        DESCRIPTION: (json.dumps(described, indent=2) + "\n").encode(),
    }
