"""Kernel ridge regression from vectors to images."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from mia_bench import Channel, ImageSet, Observation, Wire
from mia_bench.attacks._decoders import kernel
from mia_bench.attacks._decoders.divided import Divided
from mia_bench.attacks._decoders.fitting import DecoderRecipe, apply
from mia_bench.attacks._decoders.kernel import KernelSetting, fit_kernel, matern, solve
from mia_bench.attacks._decoders.linear import fit_linear
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._decoders.skip_network import fit_skip
from torch import Tensor


def seen_through(send: Callable[[Tensor], Tensor], images: Tensor) -> Observation:
    """An observation of an attacker with these images (K, C, H, W), who may query ``send``."""
    aux = ImageSet(images, torch.zeros(len(images), dtype=torch.int64))
    return Observation(
        wire=Wire(send(images[:4])), aux=aux, classes=2, channel=Channel(), query=lambda some: Wire(send(some))
    )


def on_a_circle(count: int) -> tuple[Tensor, Tensor]:
    """Images (K, 1, 4, 4) that depend on an angle, and the angle's cosine and sine (K, 2)."""
    angles = torch.rand(count) * 6.28
    images = torch.stack([((angles * k).sin() + 1) / 2 for k in range(1, 17)], 1).view(count, 1, 4, 4)
    return images, torch.stack([angles.cos(), angles.sin()], 1)


def test_the_kernel_is_that_of_matern_of_order_three_halves() -> None:
    left, right = torch.rand(3, 5), torch.rand(4, 5)
    distance = np.linalg.norm(left.numpy()[:, None] - right.numpy()[None], axis=-1)

    expected = (1 + np.sqrt(3) * distance / 0.7) * np.exp(-np.sqrt(3) * distance / 0.7)

    np.testing.assert_allclose(matern(left, right, 0.7).numpy(), expected, rtol=1e-5)


def test_an_image_left_out_is_answered_as_by_a_fit_without_it() -> None:
    torch.manual_seed(0)
    wires, values = torch.rand(12, 3), torch.rand(12, 6)
    setting = KernelSetting(torch.eye(3), 1.0, 0.1)

    left_out = solve(setting, wires, values, torch.arange(12)).left_out

    mean = values.mean(0)  # of all, which one image in many changes little
    for one in range(12):
        others = [number for number in range(12) if number != one]
        gram = matern(wires[others], wires[others], 1.0).double() + 0.1 * torch.eye(11)
        factor = np.linalg.solve(gram.numpy(), (values[others] - mean).double().numpy())
        expected = mean.numpy() + matern(wires[[one]], wires[others], 1.0).double().numpy()[0] @ factor
        np.testing.assert_allclose(left_out[one].numpy(), expected, atol=1e-5)


def test_images_of_one_source_are_left_out_together() -> None:
    torch.manual_seed(0)
    wires, values, sources = torch.rand(12, 3), torch.rand(12, 6), torch.arange(12) % 5
    setting = KernelSetting(torch.eye(3), 1.0, 0.1)

    left_out = solve(setting, wires, values, sources).left_out

    mean = values.mean(0)
    for source in range(5):
        ours, others = sources == source, sources != source
        gram = matern(wires[others], wires[others], 1.0).double() + 0.1 * torch.eye(int(others.sum()))
        factor = torch.linalg.solve(gram, (values[others] - mean).double())
        expected = mean + matern(wires[ours], wires[others], 1.0).double() @ factor
        torch.testing.assert_close(left_out[ours].double(), expected, atol=1e-5, rtol=0)


def test_numbers_that_say_nothing_of_the_image_come_to_count_little() -> None:
    torch.manual_seed(0)
    images, circle = on_a_circle(300)
    known = {
        tuple(image.flatten().tolist()): torch.cat([at, torch.randn(6)])
        for image, at in zip(images, circle, strict=True)
    }

    def send(some: Tensor) -> Tensor:
        return torch.stack([known[tuple(image.flatten().tolist())] for image in some])

    metric = fit_kernel(Queries(seen_through(send, images), images)).get_buffer("metric")

    assert metric[:2].square().sum() > 20 * metric[2:].square().sum()


def test_a_decoder_of_vectors_learns_what_no_linear_map_can(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    images, _ = on_a_circle(420)
    queries = Divided(Queries(seen_through(lambda some: some.flatten(1)[:, :2], images), images))
    linear = fit_linear(queries)

    def error(decoder: Callable[[Tensor], Tensor]) -> float:
        part = queries.parts[0]
        return (apply(decoder, part.wires(part.judge)) - part.images[part.judge]).square().mean().item()

    with_kernel = error(fit_skip(queries, linear, DecoderRecipe(steps=40)).each[0])
    monkeypatch.setattr("mia_bench.attacks._decoders.skip_network.MAX_VECTOR_NUMBERS", 1)
    without = error(fit_skip(queries, linear, DecoderRecipe(steps=40)).each[0])

    assert with_kernel < 0.5 * without


@pytest.mark.parametrize("offset", [1e3, 1e5])
def test_vectors_far_from_zero_are_decoded_as_well(offset: float) -> None:
    torch.manual_seed(0)
    images, _ = on_a_circle(300)

    def error(shift: float) -> float:
        queries = Queries(seen_through(lambda some: some.flatten(1)[:, :3] * 10 + shift, images), images)
        return (fit_kernel(queries)(queries.wires(torch.arange(300))) - images).square().mean().item()

    assert error(offset) < 2 * error(0.0) + 1e-5


def test_equations_that_have_no_solution_get_a_larger_penalty() -> None:
    setting = KernelSetting(torch.eye(2), 1.0, 1e-3)

    assert kernel.factorized(replace(setting, penalty=1e-30), torch.zeros(9, 2), 1.0).isfinite().all()
    with pytest.raises(torch.linalg.LinAlgError):
        kernel.factorized(setting, torch.full((9, 2), torch.nan), 1.0)


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e20])
def test_a_vector_that_is_always_the_same_gives_about_the_mean_image(value: float) -> None:
    images = torch.rand(40, 1, 4, 4)
    queries = Queries(seen_through(lambda some: torch.full((len(some), 3), value), images), images)

    decoder = fit_kernel(queries)

    torch.testing.assert_close(decoder(queries.observed), images.mean(0).expand(4, -1, -1, -1), atol=0.05, rtol=0)


def test_equal_images_are_no_obstacle() -> None:
    images = torch.rand(20, 1, 4, 4).repeat(10, 1, 1, 1)
    queries = Queries(seen_through(lambda some: some.flatten(1)[:, :5], images), images)

    decoder = fit_kernel(queries)

    torch.testing.assert_close(decoder(queries.observed), images[:4], atol=0.05, rtol=0)


@pytest.mark.parametrize(("limit", "most"), [("MAX_FITTED_IMAGES", 30), ("MAX_PIXELS", 30 * 16 + 15)])
def test_only_so_many_images_are_fitted_to(limit: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, limit, most)
    images = torch.rand(40, 1, 4, 4)

    decoder = fit_kernel(Queries(seen_through(lambda some: some.flatten(1)[:, :3], images), images))

    assert len(decoder.get_buffer("known")) == 30
