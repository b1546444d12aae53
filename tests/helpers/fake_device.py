"""An emulated second device: its tensors are computed on the CPU, but do not mix with tensors of the CPU.

Like a GPU, it refuses an operation on tensors of both devices, and ``numpy`` of a tensor that was not copied back. Code
that ignores the device of its tensors therefore fails in tests on machines without a GPU.
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
FAKE = torch.device("meta")
ATEN = torch.ops.aten
INTO = (ATEN.copy_.default, ATEN.fill_.Tensor)
"""Operations that copy a tensor of one device into a tensor of another."""
INDEXED = (ATEN.index.Tensor, ATEN.index_put.default, ATEN.index_put_.default, ATEN._index_put_impl_.default)
"""Operations that accept indices on the CPU for tensors of any device."""


class MixedDevices(RuntimeError):
    """An operation that a GPU would refuse."""


class FakeTensor(Tensor):
    """A tensor of the emulated device, which wraps a tensor of the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, real: Tensor) -> FakeTensor:
        """Wrap a tensor of the CPU."""
        made = Tensor._make_wrapper_subclass(  # pyright: ignore[reportAttributeAccessIssue]
            cls,
            real.shape,
            strides=real.stride(),
            storage_offset=real.storage_offset(),
            dtype=real.dtype,
            layout=real.layout,
            requires_grad=False,
            device=FAKE,
        )
        made.held = real
        return made

    def __repr__(self, **_: Any) -> str:
        return f"FakeTensor({self.held!r})"

    def numpy(self, *, force: bool = False) -> Any:
        """Refuse the conversion unless it is forced, as a tensor on a GPU does."""
        if not force:
            raise MixedDevices("A tensor of another device cannot become a NumPy array. Copy it with .cpu().")
        return self.held.detach().numpy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        """Return the numbers, which every device allows."""
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


def tensors(values: Any) -> list[Tensor]:
    """Return all tensors in nested arguments."""
    found: list[Tensor] = []
    tree_map(lambda value: found.append(value) if isinstance(value, Tensor) else None, values)
    return found


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute on the CPU what is asked of the emulated device."""
    given = tensors((args, kwargs))
    there = [each for each in given if isinstance(each, FakeTensor)]
    asked = kwargs.get("device")
    wanted = torch.device(asked) if asked is not None else None
    if there and func not in (ATEN._to_copy.default, *INTO):
        checked = tensors((args[0], args[2:])) if func in INDEXED else given
        strangers = [each for each in checked if not isinstance(each, FakeTensor) and each.dim() > 0]
        if strangers:
            raise MixedDevices(
                f"{func}: expected all tensors on one device, got one on the CPU, {tuple(strangers[0].shape)}."
            )
    if wanted is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    real_args, real_kwargs = tree_map(
        lambda value: value.held if isinstance(value, FakeTensor) else value, (args, kwargs)
    )
    result = func(*real_args, **real_kwargs)
    to_gpu = bool(there) if wanted is None else wanted.type == FAKE.type
    if func in INTO:
        return args[0]
    if not to_gpu:
        return result
    wrapped = tree_map(lambda value: FakeTensor(value) if isinstance(value, Tensor) else value, result)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if there else wrapped


class Factories(TorchDispatchMode):
    """Handles calls that name the emulated device and have no tensor on it yet."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        asked = kwargs.get("device")
        if asked is not None and torch.device(asked).type == FAKE.type:
            return compute(func, args, kwargs)
        return func(*args, **kwargs)


class Literals(TorchFunctionMode):
    """Handles tensors made from numbers, which torch copies to a device in another way."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        asked = kwargs.get("device")
        if func in (torch.tensor, torch.as_tensor) and asked is not None and torch.device(asked).type == FAKE.type:
            return func(*args, **kwargs | {"device": "cpu"}).to(FAKE)
        return func(*args, **kwargs)


@contextmanager
def fake_device() -> Iterator[torch.device]:
    """Emulate the device inside this block."""
    fused = optimizer._get_fused_kernels_supported_devices
    overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
    optimizer._get_fused_kernels_supported_devices = lambda: [*fused(), FAKE.type]
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # a new dtype needs a new wrapper
    try:
        with Factories(), Literals():
            yield FAKE
    finally:
        optimizer._get_fused_kernels_supported_devices = fused
        torch.__future__.set_overwrite_module_params_on_conversion(overwrite)
