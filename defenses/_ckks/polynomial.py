"""The server's network in a form that CKKS can compute: additions and multiplications only."""

from __future__ import annotations

import copy
from collections import OrderedDict

import torch
from torch import Tensor, nn

FITTED = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Hardtanh)
"""Activations that a quadratic stands for."""
FARTHEST = 8.0
"""The vertex of a quadratic is at most this many times as far from 0 as its inputs; beyond, digits would cancel."""


class Quadratic(nn.Module):
    """a x^2 + b x + c, with learnable coefficients."""

    reach: Tensor

    def __init__(self, inputs: Tensor, outputs: Tensor) -> None:
        """Fit the outputs of an activation to its inputs, by least squares.

        On the range of the inputs, the minimax polynomial would follow the tails: on LeNet-5 it loses up to 27 points
        of accuracy where least squares loses 2.
        """
        super().__init__()
        x, y = inputs.double().flatten(), outputs.double().flatten()
        powers = torch.stack([x.square(), x, torch.ones_like(x)], 1)
        fitted = torch.linalg.lstsq(powers.cpu(), y[:, None].cpu(), driver="gelsd").solution.flatten().float()
        self.weights = nn.Parameter(fitted.to(inputs.device))
        self.register_buffer("reach", x.abs().max().float().clamp_min(1e-6))

    def coefficients(self) -> tuple[Tensor, Tensor, Tensor]:
        """a, b and c, with a kept away from 0."""
        a, b, c = self.weights
        least = b.detach().abs() / (2 * FARTHEST * self.reach)
        sign = torch.where(a < 0, -1.0, 1.0)
        return sign * torch.maximum(a.abs(), least), b, c

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to each number."""
        a, b, c = self.coefficients()
        return (a * x + b) * x + c


@torch.no_grad()
def polynomial_form(network: nn.Sequential, sample: Tensor) -> nn.Sequential:
    """A copy with quadratics for activations and mean pooling for maximum pooling, fitted layer by layer.

    Args:
        network: the server's layers; what is neither is copied.
        sample: what the client sends for some training images, (N, ...).
    """
    result, _ = _replace(network, sample)
    return result


def _replace(network: nn.Sequential, value: Tensor) -> tuple[nn.Sequential, Tensor]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in network.named_children():
        if isinstance(layer, nn.Sequential):
            layers[name], value = _replace(layer, value)
            continue
        if isinstance(layer, FITTED):
            layers[name] = Quadratic(value, layer(value.clone()))
        elif isinstance(layer, nn.MaxPool2d) and layer.dilation in (1, (1, 1)):
            layers[name] = nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
        else:
            layers[name] = copy.deepcopy(layer)
        value = layers[name](value)
    return nn.Sequential(layers), value
