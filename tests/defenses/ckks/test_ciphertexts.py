"""What ciphertexts tell: nothing that a simple test could find. Security itself rests on ring learning with errors."""

from collections.abc import Callable

import numpy as np
import pytest
import tenseal.sealapi as seal
import torch
from mia_bench.defenses._ckks.client import CkksClient
from mia_bench.defenses._ckks.parameters import choose_parameters
from mia_bench.defenses._ckks.serial import to_bytes
from mia_bench.defenses._ckks.view import Residues
from torch import Tensor

CIPHERTEXTS = 400
"""Of two messages, in turn; half are to learn from, the others held out."""
CHANCE = 5 * 0.5 / (CIPHERTEXTS / 2) ** 0.5
"""Five standard deviations of the share of coins, one for each held-out ciphertext, that show heads."""


@pytest.fixture(scope="module")
def client() -> CkksClient:
    return CkksClient(choose_parameters(levels=1, width=128))


def read(client: CkksClient, messages: list[bytes]) -> Tensor:
    return Residues(client.parameters)(tuple(messages)).double()


def fresh(client: CkksClient, values: np.ndarray) -> bytes:
    return client.encrypt(values[None], 1)


def reusing_one_mask(client: CkksClient) -> Callable[[np.ndarray], bytes]:
    """A broken cipher: adds each message, with a little noise, to one and the same encryption of zero."""
    context, random = client.parameters.context(), np.random.default_rng(0)
    encoder, evaluator, mask = seal.CKKSEncoder(context), seal.Evaluator(context), seal.Ciphertext()
    seal.Encryptor(context, seal.KeyGenerator(context).secret_key()).encrypt_zero_symmetric(mask)
    mask.scale = 2.0**client.parameters.scale_bits

    def encrypt(values: np.ndarray) -> bytes:
        plain, result = seal.Plaintext(), seal.Ciphertext()
        noisy = np.resize(values, client.parameters.slots) + random.normal(size=client.parameters.slots)
        encoder.encode(noisy.tolist(), 2.0**client.parameters.scale_bits, plain)
        evaluator.add_plain(mask, plain, result)
        return to_bytes(result)

    return encrypt


def told_apart(views: Tensor, labels: Tensor) -> float:
    """Share of the held-out half of the ciphertexts that ridge regression assigns to the right message.

    Each of them is right by chance, one independently of the others; in folds, they would depend on each other.
    """
    (known, unknown), (learned, truth) = views.chunk(2), labels.chunk(2)
    center = known.mean(0)
    known, unknown = known - center, unknown - center
    gram = known @ known.T
    gram.diagonal().add_(0.1 * gram.diagonal().mean())
    weights = torch.linalg.solve(gram, learned.double() - 0.5)
    return ((unknown @ (known.T @ weights) > 0) == truth.bool()).double().mean().item()


@pytest.mark.parametrize("mask", ["fresh", "reused"])
@pytest.mark.slow
def test_two_messages_are_told_apart_only_if_a_mask_is_reused(client: CkksClient, mask: str) -> None:
    random = np.random.default_rng(1)
    contents = random.uniform(0, 8, size=(2, 128))
    encrypt = reusing_one_mask(client) if mask == "reused" else lambda values: fresh(client, values)
    labels = torch.arange(CIPHERTEXTS) % 2

    share = told_apart(read(client, [encrypt(contents[label]) for label in labels]), labels)

    if mask == "reused":
        assert share > 0.9
    else:
        assert abs(share - 0.5) < CHANCE


def test_one_message_encrypted_twice_shares_no_residues(client: CkksClient) -> None:
    values = np.ones(128)
    first, second = fresh(client, values), fresh(client, values)
    views = read(client, [first, second])
    assert first != second
    assert (views[0] == views[1]).double().mean() < 1e-3


def test_residues_are_uniform(client: CkksClient) -> None:
    views = read(client, [fresh(client, np.full(128, 5.0)) for _ in range(20)])
    counts = torch.histc(views.flatten(), bins=64, min=0, max=1)
    expected = views.numel() / 64
    chi_squared = ((counts - expected) ** 2 / expected).sum().item()
    assert views.shape == (20, 2 * client.parameters.ring)
    assert chi_squared < 63 + 5 * (2 * 63) ** 0.5


def test_the_length_does_not_depend_on_the_message(client: CkksClient) -> None:
    lengths = [[len(fresh(client, np.full(128, value))) for _ in range(20)] for value in (0.0, 7.5)]
    spread = np.std(lengths[0]) + np.std(lengths[1])
    assert abs(np.mean(lengths[0]) - np.mean(lengths[1])) < 2 * spread
