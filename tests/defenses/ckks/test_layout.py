"""How programs are laid out, and what they are predicted to cost."""

import numpy as np
import pytest
from mia_bench.defenses._ckks.layout import MatrixLayout, PackingLayout, ciphertext_bytes, key_bytes, width_of
from mia_bench.defenses._ckks.parameters import choose_parameters

from ...helpers.worlds import pair, program


@pytest.mark.parametrize(("numbers", "width"), [(1, 1), (2, 2), (3, 4), (120, 128), (128, 128), (129, 256)])
def test_a_width_is_the_next_power_of_two(numbers: int, width: int) -> None:
    assert width_of(numbers) == width


@pytest.mark.parametrize("inputs", [1, 2, 16, 128, 1024])
@pytest.mark.parametrize("outputs", [1, 2, 16, 128, 1024])
def test_baby_and_giant_steps_reach_every_diagonal_with_few_rotations(inputs: int, outputs: int) -> None:
    layout = MatrixLayout(inputs, outputs)
    assert layout.babies * layout.giants == layout.diagonals
    assert sum(layout.folds) == max(0, inputs - outputs)
    assert layout.rotations <= 3 * layout.diagonals**0.5 + 10
    assert len(layout.steps) <= 2 + len(layout.folds)


def test_as_many_images_share_a_ciphertext_as_fit() -> None:
    layers = program(120, 84, 10).layers
    layout = PackingLayout.of(layers, choose_parameters(levels=3, width=128))
    assert layout.lanes == 4096 // 128
    assert PackingLayout.of(layers, layout.parameters, lanes=2).lanes == 2


def test_a_larger_network_is_predicted_to_take_longer() -> None:
    small, large = (
        PackingLayout.of(program(size, 64, 10).layers, choose_parameters(levels=3, width=1024)).seconds
        for size in (128, 1024)
    )
    assert small < large


def test_encoded_diagonals_that_would_fill_the_memory_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    layout = PackingLayout.of(program(64, 10).layers, choose_parameters(levels=1, width=64))
    assert layout.cached
    monkeypatch.setattr("mia_bench.defenses._ckks.layout.MAX_CACHE_BYTES", 1000)
    assert not layout.cached
    assert layout.seconds == layout.first_seconds


def test_predicted_bytes_are_those_that_are_sent() -> None:
    given = program(20, 33, 4)
    client, _, layout = pair(given)
    message = client.encrypt(np.ones((1, 20)), layout.lanes)
    keys = client.rotation_keys(layout.steps) + client.relinearization_keys()
    assert ciphertext_bytes(client.parameters) == pytest.approx(len(message), rel=0.1)
    assert key_bytes(client.parameters, len(layout.steps) + 1) == pytest.approx(len(keys), rel=0.2)
