"""Programs on ciphertexts."""

import numpy as np
import pytest
import tenseal as ts
from mia_bench.defenses._ckks.client import CkksClient, DecryptionError
from mia_bench.defenses._ckks.evaluator import Evaluator, diagonal
from mia_bench.defenses._ckks.layout import MatrixLayout, PackingLayout
from mia_bench.defenses._ckks.parameters import Parameters, choose_parameters
from mia_bench.defenses._ckks.program import Layer, Program

from ...helpers.worlds import pair, program


def run(
    client: CkksClient, evaluator: Evaluator, layout: PackingLayout, given: Program, values: np.ndarray
) -> np.ndarray:
    reply = evaluator(client.encrypt(values * given.input_scale, layout.lanes))
    decrypted = client.decrypt(reply, numbers=given.outputs, count=len(values), lanes=layout.lanes)
    return decrypted / given.output_scale


@pytest.mark.parametrize(
    "sizes", [(10, 10), (84, 10), (10, 84), (1, 7), (7, 1), (256, 3), (20, 33, 4), (5, 64, 6), (100, 9, 70, 8)]
)
def test_decrypted_results_are_those_of_the_program_in_the_clear(sizes: tuple[int, ...]) -> None:
    given = program(*sizes)
    client, evaluator, layout = pair(given)
    values = np.random.default_rng(1).normal(size=(min(layout.lanes, 40), sizes[0]))
    expected = given(values)
    np.testing.assert_allclose(
        run(client, evaluator, layout, given, values), expected, atol=1e-4 * np.abs(expected).max(), rtol=1e-3
    )


@pytest.mark.parametrize("lanes", [1, 4])
def test_fewer_images_in_a_ciphertext_give_the_same(lanes: int) -> None:
    given = program(20, 33, 4)
    client, evaluator, layout = pair(given, lanes)
    values = np.random.default_rng(1).normal(size=(lanes, 20))
    np.testing.assert_allclose(run(client, evaluator, layout, given, values), given(values), atol=1e-3)


def test_a_program_may_begin_with_a_square() -> None:
    given = Program((Layer(None, np.array([0.5, -1.0, 2.0]), True), *program(3, 2).layers), 1.0, 1.0)
    client, evaluator, layout = pair(given)
    values = np.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 0.5]])
    np.testing.assert_allclose(run(client, evaluator, layout, given, values), given(values), atol=1e-3)


def test_diagonals_that_are_zero_are_left_out() -> None:
    sparse = np.zeros((8, 8))
    sparse[2, 5] = 3.0
    given = Program((Layer(sparse, np.zeros(8), False),), 1.0, 1.0)
    client, evaluator, layout = pair(given)
    result = run(client, evaluator, layout, given, np.arange(8.0)[None])
    np.testing.assert_allclose(result, given(np.arange(8.0)[None]), atol=1e-3)


def test_the_second_ciphertext_uses_the_diagonals_of_the_first() -> None:
    given = program(20, 4)
    client, evaluator, layout = pair(given)
    for seed in (1, 2):
        values = np.random.default_rng(seed).normal(size=(3, 20))
        np.testing.assert_allclose(run(client, evaluator, layout, given, values), given(values), atol=1e-3)


def test_the_diagonals_hold_the_whole_matrix() -> None:
    matrix, vector = np.random.default_rng(0).normal(size=(6, 16)), np.random.default_rng(1).normal(size=16)
    layout = MatrixLayout(16, 8)
    partial = sum(diagonal(matrix, layout, k) * np.roll(vector, -k) for k in range(layout.diagonals))
    np.testing.assert_allclose((partial[:8] + partial[8:])[:6], matrix @ vector)


def test_tenseals_own_vectors_agree() -> None:
    given = program(12, 5)
    client, evaluator, layout = pair(given)
    values = np.random.default_rng(1).normal(size=(1, 12))

    context = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 40, 60])
    context.global_scale = 2.0**40
    context.generate_galois_keys()
    (layer,) = given.layers
    padded = np.zeros((16, 8))
    padded[:12, :5] = layer.matrix.T
    encrypted = ts.ckks_vector(context, [*(values[0] * given.input_scale), *[0.0] * 4])
    reference = (np.array(encrypted.mm(padded.tolist()).decrypt())[:5] + layer.bias) / given.output_scale

    np.testing.assert_allclose(run(client, evaluator, layout, given, values)[0], reference, atol=1e-3)


def test_a_ciphertext_without_a_level_left_is_refused_by_name() -> None:
    given = program(20, 33, 4)
    client, evaluator, layout = pair(given)
    spent = evaluator(client.encrypt(np.ones((1, 20)), layout.lanes))
    with pytest.raises(ValueError, match="fresh ciphertext with 3 levels, got one with 0 levels left"):
        evaluator(spent)


def test_damaged_bytes_are_no_ciphertext() -> None:
    given = program(20, 4)
    client, evaluator, layout = pair(given)
    message = client.encrypt(np.ones((1, 20)), layout.lanes)
    for damaged in (b"", b"nonsense", message[:-100]):
        with pytest.raises(ValueError, match=f"Expected a Ciphertext .*got {len(damaged)} other bytes"):
            evaluator(damaged)


def test_a_ciphertext_of_other_parameters_is_refused() -> None:
    _, evaluator, layout = pair(program(20, 4))
    other = CkksClient(Parameters(8192, (60, 40, 60), 40))
    with pytest.raises(ValueError, match="Expected a Ciphertext under these parameters"):
        evaluator(other.encrypt(np.ones((1, 20)), layout.lanes))


def test_a_reply_under_another_key_is_refused() -> None:
    given = program(20, 4)
    client, evaluator, layout = pair(given)
    reply = evaluator(client.encrypt(np.ones((1, 20)), layout.lanes))
    with pytest.raises(DecryptionError, match="damaged, or encrypted under another key"):
        CkksClient(client.parameters).decrypt(reply, numbers=4, count=1, lanes=layout.lanes)


def test_a_reply_with_flipped_bits_is_refused() -> None:
    given = program(20, 4)
    client, evaluator, layout = pair(given)
    reply = evaluator(client.encrypt(np.ones((1, 20)), layout.lanes))
    for place in (5, len(reply) // 2, len(reply) - 5):
        damaged = bytearray(reply)
        damaged[place] ^= 0x10
        with pytest.raises(DecryptionError):
            client.decrypt(bytes(damaged), numbers=4, count=1, lanes=layout.lanes)


def test_values_that_are_not_finite_are_refused() -> None:
    client = CkksClient(choose_parameters(levels=1, width=16))
    with pytest.raises(ValueError, match="Expected finite values"):
        client.encrypt(np.array([[1.0, np.nan]]), 1)
