"""The effects of a component, so that two components can be compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import Inapplicable, UsageError
from ..evaluation.observe import overhear
from ..interfaces import Attack, Channel, Component, Dataset, Defense, Model
from ..utils.fingerprints import fingerprint
from ..utils.seeding import seeded
from .lab import CLASSES, PLACES, SIZE, Lab, Place

HALVED = Place("pool1", 1)
"""An IR of half of the resolution. The width of some decoders has an effect only there."""
ENCRYPTED = 1e-2
"""Relative difference of logits computed on ciphertexts, whose errors are random."""


@dataclass(frozen=True)
class Effects:
    """What a component does on fixed random numbers.

    Attributes:
        numbers: Images, wires, logits or weights.
        facts: Everything else, such as guarantees and names of layers.
        tolerance: The relative difference of numbers that counts as equal.

    Example:
        >>> Effects(facts=("epsilon", 1.0)).same(Effects(facts=("epsilon", 2.0)))
        False
    """

    numbers: tuple[Tensor, ...] = ()
    facts: tuple[Any, ...] = ()
    tolerance: float = 0.0

    def same(self, other: Effects) -> bool:
        """Return whether these effects equal others."""
        return (
            self.facts == other.facts
            and len(self.numbers) == len(other.numbers)
            and all(map(self._close, self.numbers, other.numbers))
        )

    def _close(self, here: Tensor, there: Tensor) -> bool:
        if here.shape != there.shape:
            return False
        if not self.tolerance:
            return torch.equal(here.nan_to_num(), there.nan_to_num())
        return (here - there).abs().max().item() <= self.tolerance * here.abs().max().item()


REFUSED = Effects(facts=("refused",))
"""The effects of a component that does not apply."""
REFUSED_EVERYWHERE = "The component takes none of the networks and images of this check."


def effects(component: Component, lab: Lab, place: Place) -> Effects:
    """Compute the effects of a component at a place; a refusal is an effect, too."""
    try:
        match component:
            case Attack():
                return _of_attack(component, lab, place)
            case Defense():
                return _of_defense(component, lab, place)
            case Model():
                return _of_model(component, lab)
            case Dataset():
                return Effects(facts=(fingerprint(component.load(lab.data_dir)),))
            case _:
                raise TypeError(f"Expected an attack, a defense, a model or a dataset, got {component!r}.")
    except (Inapplicable, UsageError):
        return REFUSED


def effects_in_new_lab(component: Component, data_dir: Path | None, place: Place) -> Effects:
    """Compute the effects of a component at a place, in a new lab."""
    with Lab(data_dir=data_dir) as lab:
        return effects(component, lab, place)


def scenes(component: Component, lab: Lab) -> list[Place]:
    """Return the places at which parameters may show an effect."""
    if isinstance(component, Attack):
        place = lab.place(component)
        return list(dict.fromkeys([place, replace(place, noisy=True), *PLACES, HALVED]))
    return [lab.place(component)] if isinstance(component, Defense) else [PLACES[0]]


def _of_attack(attack: Attack, lab: Lab, place: Place) -> Effects:
    answer = lab.answer(attack, place)
    found = (answer.images,) if answer.samples is None else (answer.images, answer.samples)
    numbers = tuple(torch.as_tensor(each).detach().cpu() for each in found)
    return Effects(numbers, (attack.aux_source, answer.selected))


def _of_defense(defense: Defense, lab: Lab, place: Place) -> Effects:
    model, images = lab.protected(defense, place), lab.private(place)
    with seeded("checks: effects", lab.seed), torch.no_grad():
        wire, answers = overhear(model, images), model.classify(images)
        facts = (
            model.promise,
            model.accuracy_images,
            model.stochastic,
            list(model.client._modules),
        )
        size = torch.tensor([float(wire.nbytes)])
        if not isinstance(wire.payload, Tensor):  # ciphertexts differ by a few bytes
            return Effects((answers.cpu(), size), facts, ENCRYPTED)
        numbers = [wire.payload.cpu(), answers.cpu(), size]
        if model.tail is not None:  # the device keeps layers that the cloud does not know
            numbers.append(model.in_cloud(wire.payload).cpu())
        channel = model.ir_channel
        if type(channel) is not Channel and channel.published:
            value = model.client(model.input_channel.clean(images))
            numbers.append(channel.distance(value.flip(0), channel.read(wire)).cpu())
    return Effects(tuple(numbers), facts)


def _of_model(model: Model, lab: Lab) -> Effects:
    shape = (3, SIZE * 2, SIZE * 2)
    with seeded("checks: build"), torch.no_grad():
        layers = model.build(shape, CLASSES).eval()
        images = torch.rand(2, *shape)
        weights = [weight.detach().clone() for weight in layers.state_dict().values()]
        logits = layers.to(lab.device)(images.to(lab.device))
    return Effects((*weights, logits.cpu()), (repr(layers), model.has_class_outputs))
