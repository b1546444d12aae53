"""Networks as rounds of integer layers."""

import numpy as np
import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.defenses._sharing.compiler import compiled, rounds_of
from mia_bench.defenses._sharing.layers import input_limit, output_bound, packed, unpacked
from mia_bench.defenses._sharing.ring import decode, encode, share
from torch import nn

AFFINE = {
    "linear": (nn.Linear(12, 5), (12,)),
    "linear without a bias": (nn.Linear(12, 5, bias=False), (12,)),
    "linear on tokens": (nn.Linear(6, 4), (3, 6)),
    "convolution": (nn.Conv2d(3, 4, 3, padding=1), (3, 7, 5)),
    "strides, dilation and groups": (nn.Conv2d(4, 6, (3, 2), stride=(2, 1), dilation=(1, 2), groups=2), (4, 9, 8)),
    "the same size": (nn.Conv2d(2, 2, (3, 5), padding="same"), (2, 6, 6)),
    "sequence": (nn.Conv1d(3, 4, 3, stride=2, padding=1), (3, 9)),
    "normalized": (nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(48, 4)), (2, 6, 6)),
    "normalized vectors": (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, affine=False)), (4,)),
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def settle(network: nn.Module) -> nn.Sequential:
    """Give batch normalizations other statistics than 0 and 1."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    return nn.Sequential(network).eval()


@pytest.mark.parametrize("name", AFFINE)
def test_affine_layers_on_two_shares_give_what_torch_gives(name: str) -> None:
    layer, shape = AFFINE[name]
    network, values = settle(layer), torch.randn(3, *shape)
    (plain,), _ = rounds_of(network)
    done, expected = compiled(plain, values, bits=16)
    described, blobs = packed(done.layers)
    shares = list(share(encode(values.double().numpy(), 16)))
    for number in range(2):
        for each in unpacked(described, blobs):
            shares[number] = each(shares[number], add_bias=number == 0)
    result = decode(shares[0] + shares[1], done.bits)
    assert np.abs(result - expected.numpy()).max() < 2.0**-10
    assert result.shape == (3, *done.shape)


def test_a_network_is_divided_at_its_layers_without_weights() -> None:
    network = nn.Sequential(
        nn.ReLU(), nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 4), nn.Softmax(1)
    ).eval()
    rounds, last = rounds_of(network)
    assert [each.names for each in rounds] == [("1",), ("5",)]
    assert [[type(layer) for layer in each.local] for each in rounds] == [[nn.ReLU], [nn.ReLU, nn.Flatten]]
    assert isinstance(last[0], nn.Softmax)


def test_a_normalization_is_folded_into_the_convolution_before_it() -> None:
    network, values = settle(nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))), torch.randn(2, 2, 5, 5)
    (plain,), _ = rounds_of(network)
    done, found = compiled(plain, values, bits=16)
    assert [each.kind for each in done.layers] == ["convolution"]
    torch.testing.assert_close(found, network(values))


def test_no_input_below_the_limit_leaves_the_ring() -> None:
    (plain,), _ = rounds_of(nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 2)))
    done, _ = compiled(plain, torch.rand(2, 5), bits=12)
    limit = input_limit(done.layers)
    assert output_bound(done.layers, limit) < 2**63 <= output_bound(done.layers, 2 * limit)
    worst = np.array([[limit] * 5, [-limit] * 5], dtype=np.int64).view(np.uint64)
    exact = [[int(number) for number in row] for row in worst.view(np.int64)]
    for layer in done.layers:
        worst = layer(worst, add_bias=True)
        exact = [
            [
                sum(int(w) * x for w, x in zip(ws, row, strict=True)) + int(b)
                for ws, b in zip(layer.weights, layer.bias, strict=True)
            ]
            for row in exact
        ]
    assert worst.view(np.int64).tolist() == exact


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.LayerNorm(4), r"\(LayerNorm\) cannot be computed on shares: it has weights"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), "it pads by 'reflect'. Use zeros"),
        (nn.BatchNorm2d(2, track_running_stats=False), "it keeps no running statistics"),
        (nn.ReLU(), "The server has no layers with weights"),
    ],
)
def test_a_layer_that_cannot_be_shared_is_named_with_the_reason(layer: nn.Module, words: str) -> None:
    with pytest.raises(Inapplicable, match=words):
        rounds_of(nn.Sequential(layer))


def test_exhausted_precision_is_refused_with_the_layer_and_a_remedy() -> None:
    (plain,), _ = rounds_of(nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 5)))
    with pytest.raises(Inapplicable, match=r"The layers 0, 1 exhaust the ring\. Expected .* Lower fraction_bits\."):
        compiled(plain, torch.full((1, 5), 1000.0), bits=20)
