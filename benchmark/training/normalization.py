"""Batch normalization that exists during training only, and is then folded into the convolutions."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def add_biases(module: nn.Module) -> None:
    """Give every convolution without a bias a bias of 0, so that training can fold a normalization into it.

    A network that has a batch normalization is left as it is.
    """
    if _is_normalized(module):
        return
    for part in module.modules():
        if isinstance(part, nn.Conv2d) and part.bias is None:
            part.bias = nn.Parameter(part.weight.new_zeros(part.out_channels))


def normalize_convolutions(module: nn.Module) -> None:
    """Put a batch normalization behind every convolution, unless the network already has a batch normalization."""
    if _is_normalized(module):
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d):
                weight = child.weight
                normalization = _Folded(child.out_channels, device=weight.device, dtype=weight.dtype)
                setattr(parent, name, nn.Sequential(child, normalization))


def fold_normalization(module: nn.Module) -> None:
    """Undo ``normalize_convolutions``: multiply the normalization into the convolutions' weights."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            match list(child.children()):
                case [nn.Conv2d() as convolution, _Folded() as normalization]:
                    setattr(parent, name, fuse_conv_bn_eval(convolution.eval(), normalization.eval()))


def _is_normalized(module: nn.Module) -> bool:
    return any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules())


class _Folded(nn.BatchNorm2d):
    """A batch normalization that will be folded away."""
