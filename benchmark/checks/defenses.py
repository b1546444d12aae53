"""Checks of defenses."""

from __future__ import annotations

import io
from functools import partial

import torch
from torch import Tensor

from ..errors import Inapplicable
from ..evaluation.answer_contract import MIXED_ANSWERS, require_answers_apart
from ..evaluation.copies import copied
from ..evaluation.noise_contract import require_any_place
from ..evaluation.observe import overhear
from ..evaluation.sent_bytes import unseen_bytes
from ..evaluation.wire_contract import UNDECLARED, require_float32, require_independent
from ..interfaces import Defense, SplitModel
from ..metrics.costs import measure_costs
from ..utils.plurals import count_of
from ..utils.seeding import seeded
from .check import as_in_a_run, require
from .lab import CLASSES, PLACES, SIZE, Lab

NOISE_IMAGES = 24
"""Images of independent pixels, which show what a wire holds."""
SENDS = 128
"""How often an image is sent alone and in a batch, if the wire is random."""
CERTAIN_STANDARD_ERRORS = 8
"""Standard errors by which two means must differ to be certainly not the same."""
MIXED = "The wire of an image depends on the other images of the batch."
PIXEL_CORRELATION = 0.999
"""Correlation at which a number of the wire is a pixel. By chance, the highest of a wire is at most 0.97."""


def _model(defense: Defense, lab: Lab) -> tuple[SplitModel, Tensor]:
    """Return a protected model and the images under attack."""
    place = lab.place(defense)
    return lab.protected(defense, place), lab.private(place)


def answers(defense: Defense, lab: Lab) -> str | None:
    """The protected model returns finite logits for every image, wherever the defense applies."""
    lab.place(defense)
    refused = []
    for place in PLACES:
        try:
            model = lab.protected(defense, place)
        except Inapplicable as refusal:
            require(str(refusal), f"At {place}, the defense is inapplicable and does not say why.")
            refused.append(place.split)
            continue
        images = lab.private(place)
        with seeded("checks: answers"), torch.no_grad():
            for words, logits in (
                ("answer(send(images))", model.answer(model.send(images))),
                ("classify(images)", model.classify(images)),
                ("logits(images)", model.logits(images)),
            ):
                shape = tuple(logits.shape)
                expected = (len(images), CLASSES)
                require(shape == expected, f"At {place}, expected {words} to return {expected}, got {shape}.")
                require(logits.isfinite().all(), f"At {place}, {words} returns NaN or infinity.")
    return f"inapplicable at {', '.join(refused)}" if refused else None


def wires(defense: Defense, lab: Lab) -> None:
    """There is one wire per image, it takes bytes, and it does not depend on other images or its place in a batch."""
    model, images = _model(defense, lab)
    wire, seen = model.send(images), overhear(model, images)
    for words, each in (("send(images)", wire), ("overheard(images)", seen)):
        require(len(each) == len(images), f"Expected {words} to return {len(images)} wires, got {len(each)}.")
        require(each.nbytes > 0, f"Expected {words} to return wires of some bytes, got {each.nbytes}.")
        require(
            len(each.tensor) == len(images), f"Expected {words} to read as {len(images)} wires, got {len(each.tensor)}."
        )
    as_in_a_run(require_float32, model.ir_channel, seen)
    with seeded("checks: places"):
        as_in_a_run(require_any_place, model, images[:1])
    if isinstance(wire.payload, Tensor):
        _require_alone_as_in_a_batch(model, images)
        if not model.stochastic:
            _require_alone_as_in_a_large_batch(model, lab.pools(images.shape[1]).aux.images)
    else:
        as_in_a_run(partial(require_independent, lambda: model, images, identity="checks"))


def _require_alone_as_in_a_large_batch(model: SplitModel, images: Tensor) -> None:
    """Raise if the server answers differently beside as many wires as in the measurement of the utility."""
    with torch.no_grad():
        wire = model.send(images)
        if torch.equal(model.answer(wire), model.answer(wire)):
            as_in_a_run(require_answers_apart, model, wire)


def _require_alone_as_in_a_batch(model: SplitModel, images: Tensor) -> None:
    """Raise if an image is sent or answered differently without the others of its batch."""
    with seeded("checks: alone"), torch.no_grad():
        wire, alone = model.send(images), model.send(images[1:2])
        given = model.answer(alone)
        require(
            alone.tensor.isfinite().all() and given.isfinite().all(),
            "An image that is sent alone gives NaN or infinity on the wire or as the answer.",
        )
        require(alone.tensor.shape[1:] == wire.tensor.shape[1:], MIXED)
        if model.stochastic:
            one, many = (
                [model.send(images[part]).tensor[-1] for _ in range(SENDS)] for part in (slice(1, 2), slice(2))
            )
            require(_same_distribution(torch.stack(one), torch.stack(many)), MIXED)
        elif torch.equal(wire.tensor, model.send(images).tensor):  # another check is for a model that is random
            require(torch.allclose(alone.tensor[0], wire.tensor[1], rtol=1e-3, atol=1e-4), MIXED)
            among = model.answer(wire)
            if torch.equal(among, model.answer(wire)):
                require(torch.allclose(given[0], among[1], rtol=1e-3, atol=1e-4), MIXED_ANSWERS)


def _same_distribution(first: Tensor, second: Tensor) -> bool:
    """Return False if draws (R, ...) certainly have another mean or spread than other draws (R, ...) do.

    Half of the draws say in which direction the means differ. The other halves are then compared as numbers, so one
    test serves for wires of any length.
    """
    sets = [draws.flatten(1).double() for draws in (first, second)]
    half = len(first) // 2
    means = [draws[:half].mean(0) for draws in sets]
    along, center = means[0] - means[1], (means[0] + means[1]) / 2
    numbers = [[draws[half:] @ along for draws in sets], [(draws[half:] - center).abs().mean(1) for draws in sets]]
    return not any(_apart(*pair) for pair in numbers)


def _apart(here: Tensor, there: Tensor) -> bool:
    error = ((here.var() + there.var()) / len(here)).sqrt()
    return bool(
        (here.mean() - there.mean()).abs()
        > CERTAIN_STANDARD_ERRORS * error + 1e-3 * (here.mean().abs() + there.mean().abs())
    )


def holds_no_pixel(defense: Defense, lab: Lab) -> None:
    """No number of the wire is a pixel of the image, scaled and shifted."""
    model, images = _model(defense, lab)
    with seeded("checks: pixels"), torch.no_grad():
        images = torch.rand(NOISE_IMAGES, images.shape[1], SIZE, SIZE).to(images)
        pixels = _standard(images)
        sent = _standard(overhear(model, images).tensor)
    nearest = torch.stack([(part.T @ pixels).abs().amax(0) for part in sent.split(20_000, dim=1)]).amax(0)
    share = (nearest > PIXEL_CORRELATION).float().mean().item()
    require(
        not share,
        f"The wire holds {share:.0%} of the pixels of the image itself, which a server never needs besides the IR. "
        "Send only the IR.",
    )


def _standard(values: Tensor) -> Tensor:
    """Return values (N, ...) as columns (N, D) of mean 0 and length 1."""
    centered = values.flatten(1).float() - values.flatten(1).float().mean(0)
    return centered / centered.norm(dim=0).clamp(min=1e-9)


def leaves_the_model(defense: Defense, lab: Lab) -> None:
    """The defense leaves the given model and images unchanged and shares no weight with the protected model."""
    place = lab.place(defense)
    model, train = lab.model(place), lab.train(place)
    before, images = model.copy(), train.copy()
    with seeded("checks: protect", lab.seed):
        protected = defense.protect(model, train)
    here, there = model.modules(), before.modules()
    require(here.state_dict().keys() == there.state_dict().keys(), "The defense changes the layers of the given model.")
    require(model.promise == before.promise, "The defense changes the promise of the given model.")
    weights = zip(here.state_dict().items(), there.state_dict().values(), strict=True)
    changed = [name for (name, weight), old in weights if not torch.equal(weight, old)]
    require(not changed, f"The defense changes {', '.join(changed)} of the given model.")
    flags = zip(here.named_parameters(), there.parameters(), strict=True)
    require(
        all(weight.requires_grad == old.requires_grad and weight.grad is None for (_, weight), old in flags),
        "The defense leaves requires_grad or gradients on the given model.",
    )
    require(torch.equal(train.images, images.images), "The defense changes the training images.")
    own = {weight.data_ptr() for weight in here.parameters()}
    shared = [name for name, weight in protected.modules().named_parameters() if weight.data_ptr() in own]
    require(not shared, f"Both models share {', '.join(shared)}. Begin with model.copy().")


def randomness_is_declared(defense: Defense, lab: Lab) -> str:
    """Sending an image twice gives different wires if and only if the model is declared stochastic."""
    model, images = _model(defense, lab)
    first, second = (model.send(images).tensor for _ in range(2))
    equal = first.shape == second.shape and torch.equal(first.nan_to_num(), second.nan_to_num())
    require(not (equal and model.stochastic), "The model is declared stochastic, but sends the same wire twice.")
    require(equal or model.stochastic, UNDECLARED)
    return "random" if model.stochastic else "not random"


def gradients_reach_the_image(defense: Defense, lab: Lab) -> None:
    """``logits`` has finite gradients with respect to the image; ``clean``, if whole numbers are sent."""
    model, images = _model(defense, lab)
    images.requires_grad_()
    with seeded("checks: gradients"):
        outputs, source = model.logits(images), "logits()"
        if not outputs.requires_grad and _sends_whole_numbers(model, images):
            outputs, source = model.ir_channel.clean(model.client(model.input_channel.clean(images))), "clean()"
        require(outputs.requires_grad, f"The output of {source} has no gradient.")
        outputs.sum().backward()
    require(images.grad is not None, f"The output of {source} does not depend on the images.")
    require(images.grad is not None and images.grad.isfinite().all(), f"The gradient of {source} is not finite.")


def _sends_whole_numbers(model: SplitModel, images: Tensor) -> bool:
    payload = model.send(images.detach()).payload
    return isinstance(payload, Tensor) and not payload.is_floating_point()


def can_be_copied(defense: Defense, lab: Lab) -> None:
    """The protected model can be copied, and its weights can be saved."""
    model, _ = _model(defense, lab)
    require(copied(model).promise == model.promise, "A copy of the protected model has another promise.")
    torch.save(model.modules().state_dict(), io.BytesIO())


def costs_are_measured(defense: Defense, lab: Lab) -> str:
    """Bytes, operations, parameters and times can be measured and are positive."""
    model, images = _model(defense, lab)
    costs = measure_costs(model, images[:1])
    for name in ("wire_bytes", "bytes_down", "client_macs", "client_params", "client_ms", "server_ms"):
        require(getattr(costs, name) > 0, f"Expected {name} to be more than 0, got {getattr(costs, name)}.")
    unseen = as_in_a_run(unseen_bytes, model, costs)
    later = f", of which no attack sees {unseen}" if unseen else ""
    return f"{count_of(round(costs.wire_bytes), 'byte')} per image{later}"
