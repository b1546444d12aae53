"""Checks of attacks."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..errors import Inapplicable
from ..interfaces import Access, Attack, Wire
from ..plan.references import REFERENCE_ATTACK
from ..registry import camel_case
from .check import Skipped, require
from .lab import PLACES, Lab, Place
from .worker import Unreachable, ask_worker

SAME = 2e-2
"""Difference of two images that are the same but for the order of computation: iterative attacks amplify it."""
PATIENCE = 10
"""Seconds that an attack may take on broken wires, beside 20 times what it takes on sound ones."""


def gives_images(attack: Attack, lab: Lab) -> str | None:
    """It gives one finite image in [0, 1] per entry of the wire, wherever it applies, and says where it does not."""
    lab.place(attack)
    refused = []
    for place in (*PLACES, replace(PLACES[0], noisy=True)):
        try:
            answer = lab.answer(attack, place)
        except Inapplicable as refusal:
            require(str(refusal), f"at {place} it is inapplicable and does not say why")
            refused.append(str(place.split))
            continue
        expected = tuple(lab.private(place).shape)
        for images in (answer.images, *answer.members.values()):
            complaint = _complaint(images, expected)
            require(not complaint, f"at {place} it gives {complaint}")
    return f"inapplicable at {', '.join(refused)}" if refused else None


def _complaint(images: Any, expected: tuple[int, ...]) -> str | None:
    if not isinstance(images, Tensor):
        return f"{type(images).__name__}; expected images {expected}"
    if tuple(images.shape) != expected:
        return f"images {tuple(images.shape)}; expected {expected}"
    if not images.isfinite().all():
        return "images with NaN or infinity in them"
    low, high = images.min().item(), images.max().item()
    return None if low >= -1e-6 and high <= 1 + 1e-6 else f"values in [{low:g}, {high:g}]; expected [0, 1]"


def _usable(attack: Attack, lab: Lab) -> tuple[Place, Tensor]:
    """A place, and the images there, if they are such."""
    place = lab.place(attack)
    images = lab.answer(attack, place).images
    if _complaint(images, tuple(lab.private(place).shape)):
        raise Skipped("it does not give images")
    return place, images


def reads_the_wire(attack: Attack, lab: Lab) -> str | None:
    """The answers follow the wires: other wires, other images, and in the order of the wires."""
    place, images = _usable(attack, lab)
    wire = lab.observation(attack, place).wire
    turned = lab.attack(attack, place, Wire(wire.tensor.flip(0))).images
    ignores = (turned - images).abs().max().item() < 1e-6
    if type(attack).__name__ == camel_case(REFERENCE_ATTACK):
        require(ignores, "the reference attack must ignore the wire")
        return "it ignores the wire, as the reference attack must"
    require(not ignores, "it ignores the wire: wires in another order get the same images; it cannot measure a leak")
    error = (turned - images.flip(0)).abs().max().item()
    require(error < SAME, f"images do not follow their wires: in another order they differ by up to {error:.2g}")
    return None


def leaves_what_it_is_given(attack: Attack, lab: Lab) -> None:
    """Weights, gradients, the wire and the attacker's images are afterwards as they were."""
    place = lab.place(attack)
    seen = lab.observation(attack, place)
    parts = [part for part in (seen.client, seen.server, seen.channel) if part is not None]
    given = {"the wire": seen.wire.tensor, "the attacker's images": seen.aux.images}
    given |= {f"the weight {name}": weight for part in parts for name, weight in part.state_dict().items()}
    before = {name: value.clone() for name, value in given.items()}
    torch.manual_seed(lab.seed)
    attack.reconstruct(seen)
    changed = [name for name, value in given.items() if not torch.equal(value, before[name])]
    require(not changed, f"it changes {', '.join(changed)}")
    free = [name for part in parts for name, weight in part.named_parameters() if weight.requires_grad]
    require(not free, f"it leaves requires_grad on {', '.join(free)}")
    left = [name for part in parts for name, weight in part.named_parameters() if weight.grad is not None]
    require(not left, f"it leaves gradients on {', '.join(left)}")


def declares_its_access(attack: Attack, lab: Lab) -> None:
    """``access`` is one of the three, and ``aux_source`` one of the three."""
    access = getattr(type(attack), "access", None)
    require(isinstance(access, Access), f"access is {access!r}; expected one of {', '.join(Access)}")
    sources = ("same_set", "same_distribution", "random")
    require(attack.aux_source in sources, f"aux_source is {attack.aux_source!r}; expected {', '.join(sources)}")


def ends_on_a_broken_wire(attack: Attack, lab: Lab) -> str:
    """On wires of NaN it ends, with whatever answer; checked in a process that can be ended."""
    place = lab.place(attack)
    start = time.perf_counter()
    lab.attack(attack, place)
    limit = PATIENCE + 20 * (time.perf_counter() - start)
    try:
        return str(ask_worker("broken wire", attack, seconds=limit).facts[0])
    except Unreachable as failure:
        raise Skipped(str(failure)) from failure
