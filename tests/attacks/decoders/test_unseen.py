"""Answers of linear decoders to images that they were not fitted to."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from mia_bench.attacks._decoders import skip_network
from mia_bench.attacks._decoders.divided import Divided
from mia_bench.attacks._decoders.fitting import DecoderRecipe, apply
from mia_bench.attacks._decoders.linear import LinearDecoder, fit_linear
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._decoders.skip_network import fit_skip
from mia_bench.attacks._decoders.unseen import answers_to_learn_from, unseen_answers
from mia_bench.attacks._decoders.variations import varied
from mia_bench.benchmark.interfaces import Channel, ImageSet, Observation, Wire
from torch import Tensor, nn

STRENGTH = 0.1
COUNT = 60


def observation(send: Callable[[Tensor], Tensor], images: Tensor) -> Observation:
    return Observation(
        wire=Wire(send(images[:4])),
        aux=ImageSet(images, torch.zeros(len(images), dtype=torch.int64)),
        classes=2,
        channel=Channel(),
        query=lambda some: Wire(send(some)),
    )


def smooth(count: int) -> Tensor:
    return nn.functional.interpolate(torch.rand(count, 1, 4, 4), 16, mode="bilinear")


def signs(stride: int) -> Callable[[Tensor], Tensor]:
    """Return a client that sends the signs of convolutions."""
    convolution = nn.Conv2d(1, 30, 4, stride=stride, padding=4 - stride, bias=False).requires_grad_(False)
    return lambda images: (convolution(images - 0.5) > 0).float()


@pytest.fixture
def seen() -> Observation:
    torch.manual_seed(0)
    weight = torch.randn(256, 300)
    return observation(lambda images: (images.flatten(1) @ weight).relu(), smooth(COUNT))


def ridge(wires: np.ndarray, images: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Solve for the weights over the numbers of a wire, whatever their number, with the penalty of the decoder."""
    center, offset = wires.mean(0), images.mean(0)
    gram = (wires - center).T @ (wires - center)
    damped = gram + STRENGTH * np.trace(gram) / gram.shape[0] * np.eye(gram.shape[0])
    return (new - center) @ np.linalg.solve(damped, (wires - center).T @ (images - offset)) + offset


def test_each_image_and_its_variations_are_answered_without_it(
    seen: Observation, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = Divided(Queries(seen, seen.aux.images, vary=varied))
    part, linear = queries.parts[0], fit_linear(queries, form="dense", strength=STRENGTH).each[0]
    monkeypatch.setattr(torch, "randperm", lambda count, **_: torch.arange(count))
    everything = torch.arange(part.trainable)
    wires, images = (x.flatten(1).double().numpy() for x in (part.wires(everything), part.images[everything]))

    answers = unseen_answers(linear, part).flatten(1).double().numpy()

    assert part.trainable > 2 * part.own
    for fold in range(4):
        own = np.arange(part.own)
        asked = np.arange(part.trainable) % part.own % 4 == fold
        others = own[own % 4 != fold]
        expected = ridge(wires[others], images[others], wires[asked]).clip(0, 1)
        np.testing.assert_allclose(answers[asked], expected, atol=2e-4)


def test_images_of_one_source_are_answered_without_each_other(seen: Observation) -> None:
    sources = torch.arange(len(seen.aux)) // 3
    queries = Divided(Queries(seen, seen.aux.images, sources=sources))
    part, known = queries.parts[0], list[Tensor]()
    linear = fit_linear(queries, form="dense", strength=STRENGTH).each[0]

    unseen_answers(linear._replace(refit=lambda others: known.append(others) or linear), part)

    assert len(known) == 4
    for others in known:
        left_out = ~torch.isin(torch.arange(part.own), others)
        assert not torch.isin(part.sources[others], part.sources[left_out]).any()


@pytest.mark.parametrize("form", ["dense", "patch"])
def test_answers_to_unseen_images_are_as_good_as_those_to_held_out_ones(form: str) -> None:
    torch.manual_seed(0)
    victim = observation(signs(stride=4), smooth(COUNT))
    queries = Divided(Queries(victim, victim.aux.images))
    part, linear = queries.parts[0], fit_linear(queries, form=form, strength=0.01).each[0]  # type: ignore[arg-type]
    own = torch.arange(part.own)

    def error(images: Tensor, index: Tensor) -> float:
        return (images - part.images[index]).square().mean().item()

    unseen = error(unseen_answers(linear, part), own)
    held_out = error(apply(linear.decode, part.wires(part.held_out)), part.held_out)

    assert error(apply(linear.decode, part.wires(own)), own) < 0.7 * held_out
    assert unseen == pytest.approx(held_out, rel=0.4)


def test_a_single_image_is_answered_by_the_decoder_that_saw_it(seen: Observation) -> None:
    queries = Divided(Queries(seen, seen.aux.images[:2]))
    part, linear = queries.parts[0], fit_linear(queries).each[0]

    assert part.own == 1
    torch.testing.assert_close(
        unseen_answers(linear, part), apply(linear.module(), part.wires(torch.arange(1))), atol=1e-6, rtol=0
    )


def test_a_decoder_that_is_as_good_on_new_images_is_not_fitted_again(seen: Observation) -> None:
    queries = Divided(Queries(seen, seen.aux.images, vary=varied))
    part, linear = queries.parts[0], fit_linear(queries, form="dense", strength=1e5).each[0]

    def refuse(_: Tensor) -> LinearDecoder:
        raise AssertionError

    learned = answers_to_learn_from(linear._replace(refit=refuse), part)

    torch.testing.assert_close(learned, apply(linear.module(), part.wires(torch.arange(part.trainable))))


@pytest.mark.parametrize("vectors", [False, True])
def test_corrections_are_trained_on_answers_to_unseen_images(vectors: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    client = signs(stride=2)
    victim = observation((lambda images: client(images).flatten(1)) if vectors else client, smooth(COUNT))
    queries = Divided(Queries(victim, victim.aux.images, vary=varied))
    linear, errors = fit_linear(queries, form="dense", strength=1e-3), list[float]()

    def watch(
        _: nn.Module, part: Queries, __: DecoderRecipe, *, predict: Callable[[Tensor], Tensor], **___: Any
    ) -> None:
        own = torch.arange(part.own)
        errors.append((predict(own) - part.images[own]).square().mean().item())  # before the first step

    monkeypatch.setattr(skip_network, "train_decoder", watch)
    fit_skip(queries, linear, DecoderRecipe())
    part, decoder = queries.parts[0], linear.each[0]
    held_out = (apply(decoder.decode, part.wires(part.held_out)) - part.images[part.held_out]).square().mean().item()

    assert errors[0] == pytest.approx(held_out, rel=0.4)
