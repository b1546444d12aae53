"""Learn what defended clients send, before any network is trained."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

from ..errors import Inapplicable, message_of
from ..evaluation.artifacts import Artifacts
from ..evaluation.protection import defended, with_teacher
from ..metrics.activations import count_peak_bytes
from ..metrics.exchanges import Exchanged, server_macs, server_param_bytes
from ..metrics.held_weights import count_weights, weight_bytes
from ..metrics.macs import count_macs
from ..plan.cells import Setting
from ..plan.references import REFERENCE_DEFENSE
from ..runner.timings import typical
from ..splits.expected import Sent, Spot
from ..utils.isolation import isolated
from ..utils.stderr_logs import PACKAGE

logger = logging.getLogger(__name__)

TRAINING_IMAGES = 32
"""Images that a defense gets in place of all training images: what is sent does not depend on the weights."""
QUICK_SECONDS = 20.0
"""Defenses whose median time to protect a network exceeds this train it, or encrypt, and are not tried."""
SECONDS_PER_DEFENSE = 2.0
"""CPU time after which the remaining cuts of a defense are not tried."""


def spot_of(setting: Setting) -> Spot:
    """Return the split of a setting, and the name and the parameters of its defense."""
    return setting.split, setting.defense.name, setting.defense.component.params


def preview(settings: Iterable[Setting], artifacts: Artifacts) -> dict[Spot, Sent | str]:
    """Apply each defense to the untrained network, send one image, and count what that takes.

    Undefended networks, slow defenses and plug-ins are left out. Where a defense cannot be applied, the reason stands
    for what is sent.

    Args:
        settings: Settings of one dataset and one network.
        artifacts: Gives the network and the images.
    """
    found, used = dict[Spot, Sent | str](), dict[tuple[str, str], float]()
    for setting in settings:
        spot = spot_of(setting)
        if not _quick(setting) or used.get(spot[1:], 0) > SECONDS_PER_DEFENSE:
            continue
        start = time.process_time()
        with _without_messages():
            sent = _sent(setting, artifacts)
        used[spot[1:]] = used.get(spot[1:], 0) + time.process_time() - start
        if sent is not None:
            found[spot] = sent
    return found


@contextmanager
def _without_messages() -> Iterator[None]:
    """Keep what defenses log about themselves from standing above the table, once for each cut."""
    package = logging.getLogger(PACKAGE)
    level = package.level
    package.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        package.setLevel(level)


def _quick(setting: Setting) -> bool:
    foreign = any(each.entry.foreign for each in (setting.dataset, setting.model, setting.defense))
    known = typical("defenses", setting.defense.name).values()
    return setting.defense.name != REFERENCE_DEFENSE and not foreign and max(known, default=0.0) <= QUICK_SECONDS


def _sent(setting: Setting, artifacts: Artifacts) -> Sent | str | None:
    train = artifacts.targets.pools(setting.dataset, setting.model).train[:TRAINING_IMAGES]
    untrained = copy.deepcopy(artifacts.targets.structure(setting.dataset, setting.model)).to(artifacts.device)
    undefended, image = untrained.split(setting.split), train.images[:1].clone()
    if train.task == "unlabeled":
        classes = artifacts.targets.has_class_outputs(setting.dataset, setting.model)
        train = with_teacher(train, undefended, class_outputs=classes)
    try:
        model = defended(setting, undefended, train)
        with isolated("preview", setting.identity), torch.no_grad():
            exchanged = Exchanged.of(model, image)
    except Inapplicable as error:
        return message_of(error)
    except Exception as error:  # the cell itself may succeed, or tells the reason in its record
        logger.debug("Cannot preview %s at %s: %s", setting.defense.label, setting.split, message_of(error))
        return None
    client_macs = max(count_macs(model.on_device, image), exchanged.sending_macs)
    served = server_macs(model, exchanged, client_macs)
    return Sent(
        wire_bytes=exchanged.bytes_up,
        bytes_down=exchanged.exchange.bytes_down,
        rounds=exchanged.exchange.rounds,
        client_macs=client_macs,
        client_params=count_weights(model.on_device),
        client_param_bytes=weight_bytes(model.on_device),
        client_peak_bytes=max(count_peak_bytes(model.on_device, image), exchanged.sending_peak_bytes),
        server=None if served is None else (served, server_param_bytes(model)),
    )
