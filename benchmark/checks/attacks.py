"""Checks of attacks."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..errors import Inapplicable
from ..evaluation.observe import call_attack
from ..interfaces import Access, Attack, InvalidReconstruction, Reconstruction, Wire
from ..plan.references import REFERENCE_ATTACK
from ..registry import camel_case
from .check import Skipped, require
from .lab import PLACES, Lab, Place
from .worker import Unreachable

MAX_ORDER_DIFFERENCE = 2e-2
"""Largest difference of images that differ in the order of computation only; iterative attacks amplify it."""
PATIENCE = 10
"""Seconds that an attack may take on invalid wires, plus 20 times what it takes on valid ones."""


def gives_images(attack: Attack, lab: Lab) -> str | None:
    """The attack returns one finite image in [0, 1] per wire wherever it applies, and says where it does not."""
    lab.place(attack)
    refused = []
    for place in (*PLACES, replace(PLACES[0], noisy=True)):
        try:
            answer = lab.answer(attack, place)
        except Inapplicable as refusal:
            require(str(refusal), f"At {place}, the attack is inapplicable and does not say why.")
            refused.append(str(place.split))
            continue
        expected = tuple(lab.private(place).shape)
        complaint = _complaint(answer, expected)
        require(not complaint, f"At {place}: {complaint}")
    return f"inapplicable at {', '.join(refused)}" if refused else None


def _complaint(answer: Reconstruction, expected: tuple[int, ...]) -> str | None:
    try:
        answer.validate(expected)
    except InvalidReconstruction as error:
        return str(error)
    return None


def _usable(attack: Attack, lab: Lab) -> tuple[Place, Tensor]:
    """Return a place and the images that the attack returns there."""
    place = lab.place(attack)
    answer = lab.answer(attack, place)
    if _complaint(answer, tuple(lab.private(place).shape)):
        raise Skipped("The attack does not return images.")
    return place, answer.images


def reads_the_wire(attack: Attack, lab: Lab) -> str | None:
    """The reconstructions depend on the wires, and permuting the wires permutes them."""
    place, images = _usable(attack, lab)
    wire = lab.observation(attack, place).wire
    turned = lab.attack(attack, place, Wire(wire.tensor.flip(0))).images
    ignores = (turned - images).abs().max().item() < 1e-6
    if type(attack).__name__ == camel_case(REFERENCE_ATTACK):
        require(ignores, "The reference attack must ignore the wire.")
        return "ignores the wire, as the reference attack must"
    require(not ignores, "The attack ignores the wire: permuting the wires does not permute its reconstructions.")
    error = (turned - images.flip(0)).abs().max().item()
    require(
        error < MAX_ORDER_DIFFERENCE,
        f"Permuting the wires changes the reconstructions by up to {error:.2g}, beyond the order. Reconstruct each "
        "image from its own wire.",
    )
    return None


def leaves_what_it_is_given(attack: Attack, lab: Lab) -> None:
    """The attack leaves weights, gradients, the wire and the auxiliary images unchanged."""
    place = lab.place(attack)
    seen = lab.observation(attack, place)
    parts = [part for part in (seen.client, seen.server, seen.channel) if part is not None]
    given = {"the wire": seen.wire.tensor, "the auxiliary images": seen.aux.images}
    given |= {f"the weight {name}": weight for part in parts for name, weight in part.state_dict().items()}
    before = {name: value.clone() for name, value in given.items()}
    torch.manual_seed(lab.seed)
    call_attack(attack, seen)
    changed = [name for name, value in given.items() if not torch.equal(value, before[name])]
    require(not changed, f"The attack changes {', '.join(changed)}. Work on a copy.")
    free = [name for part in parts for name, weight in part.named_parameters() if weight.requires_grad]
    require(not free, f"The attack leaves requires_grad set on {', '.join(free)}.")
    left = [name for part in parts for name, weight in part.named_parameters() if weight.grad is not None]
    require(not left, f"The attack leaves gradients on {', '.join(left)}.")


def declares_its_access(attack: Attack, lab: Lab) -> None:
    """``access`` and ``aux_source`` have one of their three values."""
    access = getattr(type(attack), "access", None)
    require(isinstance(access, Access), f"Expected access to be one of {', '.join(Access)}, got {access!r}.")
    sources = ("same_set", "same_distribution", "random")
    known = attack.aux_source in sources
    require(known, f"Expected aux_source to be one of {', '.join(sources)}, got {attack.aux_source!r}.")


def ends_on_a_broken_wire(attack: Attack, lab: Lab) -> str:
    """The attack ends on wires of NaN, with any result; it runs in a process that can be ended."""
    place = lab.place(attack)
    limit = PATIENCE + 20 * lab.seconds(attack, place)
    try:
        return lab.worker.ask(answer_to_broken_wires, attack, place, seconds=limit)
    except Unreachable as failure:
        raise Skipped(str(failure)) from failure


def answer_to_broken_wires(attack: Attack, place: Place) -> str:
    """Run an attack on wires of NaN and describe its answer; an exception is a good answer, too."""
    with Lab() as lab:
        wire = lab.observation(attack, place).wire
        try:
            answer = lab.attack(attack, place, Wire(torch.full_like(wire.tensor, torch.nan)))
        except Exception as error:
            return f"refuses invalid wires ({type(error).__name__})"
    finite = torch.as_tensor(answer.images).isfinite().all()
    return "returns images" if finite else "returns NaN or infinity, which the harness reports"
