"""The parts of a network as hashes."""

from __future__ import annotations

from torch import nn
from torch.nn.parameter import is_lazy

from .object_content import HELD, MODULE_STATE, content_of


def parts_of(network: nn.Module) -> dict[str, str]:
    """Hash the parts of a network one by one: the attributes of each module, each parameter and each buffer.

    The parts that a random initialization changes thus differ, and the others are equal.

    Example:
        >>> one, other = parts_of(nn.Linear(2, 2)), parts_of(nn.Linear(2, 2))
        >>> sorted(name for name in one if one[name] == other[name])
        [' attributes', ' hooks', ' names', 'bias shape', 'weight shape']
    """
    modules = dict(network.named_modules())
    found = {" names": content_of(list(modules))}
    for path, module in modules.items():
        own = {name: value for name, value in vars(module).items() if name not in MODULE_STATE | HELD}
        hooks = [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]
        found[f"{path} attributes"] = content_of(type(module), own, strict=False, known=modules.values())
        found[f"{path} hooks"] = content_of(hooks, strict=False)
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if is_lazy(tensor):
            found[f"{name} shape"] = content_of(type(tensor))
            continue
        found[f"{name} shape"] = content_of(str(tensor.dtype), list(getattr(tensor, "shape", ())), strict=False)
        found[name] = content_of(tensor, strict=False)
    return found
