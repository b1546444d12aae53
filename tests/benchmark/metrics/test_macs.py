"""Multiply-accumulate operations, against what torchvision publishes of its networks."""

import pytest
import torch
import torchvision
from mia_bench.benchmark.metrics.mac_formulas import FORMULAS
from mia_bench.benchmark.metrics.macs import count_macs
from torch import nn

FAMILIES = [
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "inception_v3",
    "maxvit_t",
    "mobilenet_v3_large",
    "resnet18",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "swin_t",
    "swin_v2_t",
    "vgg11_bn",
    "vit_b_16",
]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_count_is_the_published_one_within_half_a_percent(name: str) -> None:
    weights = torchvision.models.get_model_weights(name)["DEFAULT"]
    size = weights.transforms().crop_size[0]
    with torch.device("meta"):
        network = torchvision.models.get_model(name, **({"init_weights": False} if name == "inception_v3" else {}))
        counted = count_macs(network.eval(), torch.empty(1, 3, size, size))

    assert counted / 1e9 == pytest.approx(weights.meta["_ops"], rel=0.005, abs=0.0005)


def test_attention_counts_and_the_setting_of_the_process_is_restored() -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=True).eval()

    def attend(tokens: torch.Tensor) -> object:
        return attention(tokens, tokens, tokens, need_weights=False)

    projections, products = 4 * 5 * 8 * 8, 2 * 5 * 5 * 8
    assert count_macs(attend, torch.rand(1, 5, 8)) == projections + products
    assert torch.backends.mha.get_fastpath_enabled()


def test_the_kernel_of_recurrent_layers_on_gpu_counts_its_matrices() -> None:
    network = nn.LSTM(6, 8, num_layers=2)
    steps = torch.rand(5, 1, 6)

    formula = FORMULAS["aten._cudnn_rnn"]
    assert formula(steps, list(network.parameters()), 4, out_val=None) == 2 * count_macs(network, steps)
