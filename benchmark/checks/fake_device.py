"""A device that is not there: tensors that say they are on CUDA, are computed on the CPU, and do not mix with others.

What a real GPU refuses is refused here: an operation on tensors of both devices, and ``numpy`` of one that was not
brought back. So code that forgets where its tensors are fails on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_map

optimizer: Any = import_module("torch.optim.optimizer")
PRETENDED = torch.device("meta")
ATEN = torch.ops.aten
INTO = (ATEN.copy_.default, ATEN.fill_.Tensor)
"""Operations that bring a tensor of one device into one of another."""
INDEXED = (ATEN.index.Tensor, ATEN.index_put.default, ATEN.index_put_.default, ATEN._index_put_impl_.default)
"""Operations that take indices of the CPU on any device."""


class Mixed(RuntimeError):
    """What a real GPU would refuse."""


class Pretended(Tensor):
    """Wraps the tensor with which it is really computed."""

    held: Tensor

    @staticmethod
    def __new__(cls, real: Tensor) -> Pretended:
        """Wrap a tensor of the CPU."""
        made = Tensor._make_wrapper_subclass(  # pyright: ignore[reportAttributeAccessIssue]
            cls,
            real.shape,
            strides=real.stride(),
            storage_offset=real.storage_offset(),
            dtype=real.dtype,
            layout=real.layout,
            requires_grad=False,
            device=PRETENDED,
        )
        made.held = real
        return made

    def __repr__(self, **_: Any) -> str:
        return f"Pretended({self.held!r})"

    def numpy(self, *, force: bool = False) -> Any:
        """Refuse it, unless forced, as a GPU does."""
        if not force:
            raise Mixed("a tensor that is not on the CPU cannot become a NumPy array; bring it there with .cpu()")
        return self.held.detach().numpy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        """The numbers, which any device gives."""
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


def tensors(values: Any) -> list[Tensor]:
    """All tensors in nested arguments."""
    found: list[Tensor] = []
    tree_map(lambda value: found.append(value) if isinstance(value, Tensor) else None, values)
    return found


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Do on the CPU what is asked of the pretended device."""
    given = tensors((args, kwargs))
    there = [each for each in given if isinstance(each, Pretended)]
    asked = kwargs.get("device")
    wanted = torch.device(asked) if asked is not None else None
    if there and func not in (ATEN._to_copy.default, *INTO):
        checked = tensors((args[0], args[2:])) if func in INDEXED else given
        strangers = [each for each in checked if not isinstance(each, Pretended) and each.dim() > 0]
        if strangers:
            raise Mixed(
                f"{func}: expected all tensors on one device, found the pretended one and cpu {strangers[0].shape}"
            )
    if wanted is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    real_args, real_kwargs = tree_map(
        lambda value: value.held if isinstance(value, Pretended) else value, (args, kwargs)
    )
    result = func(*real_args, **real_kwargs)
    to_gpu = bool(there) if wanted is None else wanted.type == PRETENDED.type
    if func in INTO:
        return args[0]
    if not to_gpu:
        return result
    wrapped = tree_map(lambda value: Pretended(value) if isinstance(value, Tensor) else value, result)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if there else wrapped


class Factories(TorchDispatchMode):
    """Sees calls that name the device and have no tensor on it yet."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        asked = kwargs.get("device")
        if asked is not None and torch.device(asked).type == PRETENDED.type:
            return compute(func, args, kwargs)
        return func(*args, **kwargs)


class Literals(TorchFunctionMode):
    """Sees tensors that are made from numbers, which torch brings to the device in a way of its own."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        asked = kwargs.get("device")
        if func in (torch.tensor, torch.as_tensor) and asked is not None and torch.device(asked).type == PRETENDED.type:
            return func(*args, **kwargs | {"device": "cpu"}).to(PRETENDED)
        return func(*args, **kwargs)


@contextmanager
def pretended_device() -> Iterator[torch.device]:
    """Have the pretended device work in this block."""
    fused = optimizer._get_fused_kernels_supported_devices
    overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
    optimizer._get_fused_kernels_supported_devices = lambda: [*fused(), PRETENDED.type]
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # a new dtype needs a new wrapper
    try:
        with Factories(), Literals():
            yield PRETENDED
    finally:
        optimizer._get_fused_kernels_supported_devices = fused
        torch.__future__.set_overwrite_module_params_on_conversion(overwrite)
