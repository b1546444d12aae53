"""Batch normalization that exists during training only, and is then folded into the convolutions."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterator

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def add_biases(module: nn.Module) -> None:
    """Give convolutions without a bias a bias of 0, so that training can fold a normalization into them.

    A network that has a batch normalization is left as it is. So is a convolution that is in two places, that shares
    its weight with another layer, or whose weight is computed from others, as by weight normalization or pruning.
    """
    for part in _foldable(module):
        if part.bias is None:
            part.bias = nn.Parameter(part.weight.new_zeros(part.out_channels))


def normalize_convolutions(module: nn.Module) -> None:
    """Put a batch normalization behind each convolution of the kind to which ``add_biases`` gives a bias."""
    foldable = _foldable(module)
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and child in foldable:
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


def _foldable(module: nn.Module) -> set[nn.Conv2d]:
    """Return the convolutions that alone hold their weight and bias, as parameters of their own.

    There are none in a network that has a batch normalization.
    """
    parts = list(module.modules())
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in parts):
        return set()
    uses = Counter(id(held) for part in parts for held in _held(part))
    return {
        part
        for part in parts
        if isinstance(part, nn.Conv2d)
        and part._parameters.keys() >= {"weight", "bias"}
        and all(uses[id(held)] <= 1 for held in (part, *part.parameters(recurse=False)))
    }


def _held(part: nn.Module) -> Iterator[object]:
    """Yield the modules and tensors of a module, and what its graph reads from them beside calling them."""
    yield from (*part._modules.values(), *part._parameters.values(), *part._buffers.values())
    if isinstance(part, fx.GraphModule):
        for node in part.graph.nodes:
            if node.op == "get_attr":
                yield operator.attrgetter(str(node.target))(part)


class _Folded(nn.BatchNorm2d):
    """A batch normalization that will be folded away."""
