"""From networks to programs."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.defenses._ckks.compiler import Round, compile_interactive, compile_oneshot, steps
from mia_bench.defenses._ckks.polynomial import ACTIVATIONS, Quadratic, polynomial_form
from mia_bench.defenses._ckks.program import Layer, from_bytes, to_bytes
from torch import nn


def normalized(channels: int) -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(channels)
    nn.init.uniform_(layer.running_mean)
    nn.init.uniform_(layer.running_var, 0.5, 2)
    nn.init.uniform_(layer.weight, 0.5, 2)
    return layer


NETWORKS = {
    "linear": (nn.Sequential(nn.Linear(7, 3)), (7,)),
    "activation first": (nn.Sequential(nn.ReLU(), nn.Linear(7, 3)), (7,)),
    "two activations in a row": (nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Sigmoid(), nn.Linear(5, 3)), (7,)),
    "nested": (nn.Sequential(nn.Sequential(nn.Flatten(), nn.Linear(8, 5)), nn.Tanh(), nn.Linear(5, 2)), (2, 2, 2)),
    "convolutions": (
        nn.Sequential(
            nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2),
            normalized(4),
            nn.GELU(),
            nn.MaxPool2d(2),
            nn.Dropout(),
            nn.Conv2d(4, 3, 2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(3, 5),
        ),
        (2, 9, 9),
    ),
    "unflattened": (nn.Sequential(nn.Linear(4, 8), nn.Unflatten(1, (2, 2, 2)), nn.AvgPool2d(2), nn.Flatten()), (4,)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_program_computes_what_the_polynomial_network_does(name: str) -> None:
    torch.manual_seed(0)
    network, shape = NETWORKS[name]
    sample = torch.randn(50, *shape)
    form = polynomial_form(network.eval(), sample).eval()
    (only,) = compile_oneshot(form, sample, largest_output=4)
    expected = form(sample).detach().flatten(1).numpy()
    np.testing.assert_allclose(only.program(sample.flatten(1).numpy()), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dead", [0, 2])
@pytest.mark.parametrize("compiled", [compile_oneshot, compile_interactive])
def test_a_layer_that_is_0_on_the_sample_is_compiled(compiled: Callable[..., list[Round]], dead: int) -> None:
    torch.manual_seed(0)
    network, sample = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), torch.rand(5, 4)
    for parameter in network[dead].parameters():
        nn.init.zeros_(parameter)
    form = polynomial_form(network.eval(), sample).eval() if compiled is compile_oneshot else network
    value = sample

    for one in compiled(form, sample, largest_output=4.0):
        value = torch.from_numpy(one.program(one.local(value).numpy())).float()

    torch.testing.assert_close(value, form(sample).detach(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_rounds_compute_what_the_exact_network_does(name: str) -> None:
    torch.manual_seed(0)
    network, shape = NETWORKS[name]
    sample = torch.randn(50, *shape)
    value = sample
    for each in compile_interactive(network.eval(), sample, largest_output=4):
        result = each.program(each.local(value).detach().flatten(1).numpy())
        value = torch.from_numpy(result).float().unflatten(1, each.shape)
    torch.testing.assert_close(value, network(sample), atol=1e-4, rtol=1e-4)


def test_numbers_are_scaled_to_the_room_that_ckks_has() -> None:
    sample = 1000 * torch.randn(50, 7)
    form = polynomial_form(nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3)), sample)
    (only,) = compile_oneshot(form, sample, largest_output=4)
    first, last = only.program.layers
    values = sample.numpy() * only.program.input_scale
    assert np.abs(values).max() == pytest.approx(8, rel=1e-3)
    assert np.abs(first(values)).max() == pytest.approx(64, rel=1e-3)
    assert np.abs(last(first(values))).max() == pytest.approx(4, rel=1e-3)


def test_levels_count_matrices_and_squares() -> None:
    sample = torch.randn(50, 7)
    deep = polynomial_form(nn.Sequential(nn.ReLU(), nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3)), sample)
    assert compile_oneshot(deep, sample, largest_output=4)[0].program.levels == 4
    assert {each.program.levels for each in compile_interactive(deep[1:2], sample, largest_output=4)} == {1}


class Foreign(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([nn.Linear(4, 4), nn.Softmax(1)], r"'1' \(Softmax\).*sum of exponentials. Let the network end in logits"),
        ([nn.LayerNorm(4), nn.Linear(4, 4)], r"'0' \(LayerNorm\).*statistics depend.*Use batch normalization"),
        ([nn.GroupNorm(2, 4)], "GroupNorm"),
        ([nn.LSTM(4, 4)], "it is recurrent. Split behind it"),
        ([Foreign(), nn.Linear(4, 4)], r"'0' \(Foreign\).*mia-bench has no encrypted form of it. Split behind it"),
        ([nn.BatchNorm1d(4, track_running_stats=False)], "keeps no running statistics. Set track_running_stats"),
        ([nn.MaxPool2d(2, dilation=2)], "its windows are dilated. Use dilation 1"),
        ([nn.Sequential(nn.Linear(4, 4), nn.Softmax(1))], r"layer '0.1' \(Softmax\)"),
        ([nn.Linear(4, 4), nn.ReLU()], "affine last layer, since .* got '1'"),
        ([nn.Flatten()], "The server has no layers with weights"),
        ([], "The server has no layers with weights"),
    ],
)
def test_what_cannot_be_compiled_is_refused_by_name_with_reason_and_remedy(layers: list, message: str) -> None:
    with pytest.raises(Inapplicable, match=message):
        steps(nn.Sequential(*layers))


def test_a_value_that_does_not_fit_into_a_ciphertext_is_refused() -> None:
    network, sample = nn.Sequential(nn.Flatten(), nn.Linear(65536, 2)), torch.zeros(1, 64, 32, 32)
    with pytest.raises(Inapplicable, match=r"at most 8,192 numbers .*, got 65,536. Split later"):
        compile_oneshot(network, sample, largest_output=4)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_a_quadratic_is_the_least_squares_fit(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    x = 2 * torch.randn(500) + 0.5
    y = kind()(x)
    a, b, c = Quadratic(x, y).weights.tolist()
    np.testing.assert_allclose([a, b, c], np.polyfit(x.double().numpy(), y.double().numpy(), 2), atol=1e-4)


def test_the_vertex_of_a_quadratic_stays_near_its_inputs() -> None:
    x = torch.linspace(-3, 3, 100)
    fitted = Quadratic(x, 2 * x + 1)  # a straight line: a is 0
    a, b, _ = (value.item() for value in fitted.coefficients())
    assert abs(b / (2 * a)) == pytest.approx(8 * 3, rel=1e-3)


def test_layers_travel_as_bytes() -> None:
    layers = (Layer(None, np.arange(3.0), True), Layer(np.ones((2, 3)), np.zeros(2), False))
    copied = from_bytes(to_bytes(layers))
    assert [layer.squared for layer in copied] == [True, False]
    assert copied[0].matrix is None
    np.testing.assert_array_equal(copied[1].matrix, layers[1].matrix)
    np.testing.assert_array_equal(copied[0].bias, layers[0].bias)


def test_layers_that_do_not_follow_one_another_are_refused() -> None:
    with pytest.raises(ValueError, match="layer of 3 inputs to follow, got one of 4 inputs"):
        from_bytes(to_bytes((Layer(None, np.zeros(3), True), Layer(np.ones((2, 4)), np.zeros(2), False))))
