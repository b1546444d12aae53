"""The content of Python objects as a hash: values, weights, pixels, and the code of functions and classes."""

from __future__ import annotations

import copyreg
import functools
import hashlib
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from torch import Tensor, nn

from ..errors import UsageError
from .installed_modules import code_imported_by, is_installed

DIGITS = 16
_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(...))
_NAMED = (torch.dtype, torch.device, torch.layout, torch.memory_format, np.dtype, PurePath)
_DESCRIPTORS = (
    *(types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType),
    *(types.MethodDescriptorType, types.ClassMethodDescriptorType),
)
_BUILT_IN = (dict, list, set, frozenset, types.MappingProxyType)
_COMPILED = {"_is_torch_compile", "_compiled_call_impl"}
_RECURRENT = {"_flat_weight_refs"}
HELD = frozenset({"_parameters", "_buffers", "_modules"})
"""Attributes of modules that hold weights and other modules."""
MODULE_STATE = (frozenset(vars(nn.Module())) - HELD) | _COMPILED | _RECURRENT
"""Attributes of modules that do not change what they compute in evaluation mode."""
_CLASS_STATE = frozenset(
    (
        *(
            "__doc__",
            "__module__",
            "__qualname__",
            "__annotations__",
            "__dict__",
            "__weakref__",
            "__slots__",
            "__hash__",
            "__slotnames__",
        ),
        *("__signature__", "__abstractmethods__", "__class_vars__", "__private_attributes__", "__parameters__"),
        *("__firstlineno__", "__static_attributes__", "model_config", "model_fields", "model_computed_fields"),
    )
)
"""Attributes of a class that hold no code, or that pydantic derives from the others."""
_LOCATION = {"__file__", "__cached__", "__path__", "__spec__", "__loader__"}
"""Global names that say where a module lies."""
MAX_FRAMES = 10_000
"""Calls inside each other, at most: a function adds the functions that it uses, and these add theirs."""


def content_of(*values: object, strict: bool = True, known: Iterable[object] = ()) -> str:
    """Hash the content of values. Equal contents have equal hashes in every process.

    Tensors and arrays count with their type, shape and values; modules with their classes, weights, buffers and other
    attributes; functions and classes with their compiled code, the values and functions that it uses, and the version
    of Python, since compiled code depends on it. What installed packages provide counts by its name.

    Args:
        values: Any objects.
        strict: Whether to refuse what has no content that can be read. If not, such objects count with their type.
        known: Objects that count with their place among these, wherever the values refer to them.

    Raises:
        UsageError: If ``strict`` and a tensor has no values that can be read, such as one of a lazy module.

    Example:
        >>> content_of([1, "a"]) == content_of([1, "a"]), content_of(torch.zeros(2)) == content_of(torch.zeros(3))
        (True, False)
    """
    found = _Content(strict=strict, known=known)
    try:
        with _deep_calls():
            for value in values:
                found.add(value)
    except RecursionError as error:
        raise UsageError(
            "Expected objects that are neither nested very deeply nor members of their own sets, got such an object. "
            "Give a simpler one."
        ) from error
    return found.hexdigest()


@contextmanager
def _deep_calls() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, MAX_FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


class _Content:
    """A hash to which values are added one after the other."""

    def __init__(self, *, strict: bool, known: Iterable[object]) -> None:
        self._strict = strict
        self._hash = hashlib.sha256()
        self._kept: list[object] = list(known)
        self._seen = {id(value): place for place, value in enumerate(self._kept)}

    def hexdigest(self) -> str:
        return f"sha256:{self._hash.hexdigest()[:DIGITS]}"

    def add(self, value: Any) -> None:
        """Add a value and everything that it refers to."""
        if isinstance(value, Enum):
            self._add_member(value)
        elif isinstance(value, _ATOMS):
            self._note(type(value).__name__, repr(value))
        elif isinstance(value, _NAMED):
            self._note(type(value).__name__, str(value))
        elif isinstance(value, Tensor):
            self._add_tensor(value)
        elif isinstance(value, np.ndarray | np.generic):
            self._add_array(np.asarray(value))
        elif isinstance(value, tuple):
            self._add_all("tuple", value)
        elif self._is_new(value):
            self._add_compound(value)

    def _add_member(self, member: Enum) -> None:
        self._note("enum", type(member).__qualname__, member.name)
        if not is_installed(type(member).__module__):
            self.add(member.value)
            self.add(type(member))

    def _note(self, *texts: object) -> None:
        self._hash.update("\x1f".join(map(str, texts)).encode(errors="surrogatepass") + b"\x1e")

    def _is_new(self, value: object) -> bool:
        """Return whether a value has not been added yet. If it has, its number is added."""
        if id(value) in self._seen:
            self._note("again", self._seen[id(value)])
            return False
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)  # no other object may get its id
        return True

    def _add_all(self, kind: str, values: Iterable[object]) -> None:
        listed = list(values)
        self._note(kind, len(listed))
        for value in listed:
            self.add(value)

    def _add_tensor(self, tensor: Tensor) -> None:
        try:
            dense = tensor.detach().cpu().contiguous()
            self._note("tensor", dense.dtype, tuple(dense.shape))
            self._hash.update(dense.reshape(-1).view(torch.uint8).numpy().data)
        except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
            if not self._strict:
                self._note("opaque", type(tensor).__qualname__)
                return
            raise UsageError(
                f"Expected dense tensors with values, got a {type(tensor).__name__} without. Initialize lazy modules "
                "by a first call, and convert sparse and quantized tensors."
            ) from error

    def _add_array(self, array: np.ndarray) -> None:
        self._note("array", array.dtype.str, array.shape)
        if array.dtype.hasobject:
            self._add_all("items", array.ravel().tolist())
        else:
            self._hash.update(np.ascontiguousarray(array).tobytes())

    def _add_compound(self, value: Any) -> None:
        for kinds, add in _BY_KIND:
            if isinstance(value, kinds):
                add(self, value)
                if isinstance(value, Mapping | list | set | frozenset) and type(value) not in _BUILT_IN:
                    self.add(type(value))
                    self._add_mapping(getattr(value, "__dict__", {}))
                return
        self._add_instance(value)

    def _add_mapping(self, values: Mapping[Any, Any]) -> None:
        self._add_all("mapping", (each for pair in values.items() for each in pair))

    def _add_list(self, values: list[Any]) -> None:
        self._add_all("list", values)

    def _add_set(self, values: Iterable[Any]) -> None:
        self._add_all("set", sorted(content_of(each, strict=self._strict) for each in values))

    def _add_module(self, module: nn.Module) -> None:
        self.add(type(module))
        self._add_mapping({name: value for name, value in vars(module).items() if name not in MODULE_STATE})
        self._add_all("hooks", [*module._forward_pre_hooks.values(), *module._forward_hooks.values()])

    def _add_instance(self, value: Any) -> None:
        """Add what is needed to make an equal object, as ``copy`` does."""
        if is_installed(getattr(value, "__module__", None) or "") and hasattr(value, "__qualname__"):
            self._add_named(value)  # such as a compiled function
            return
        if isinstance(wrapped := getattr(value, "__wrapped__", None), types.FunctionType):
            self._note("wrapped", type(value).__qualname__)  # such as a function with a cache
            self.add(wrapped)
            return
        self.add(type(value))
        reduce = copyreg.dispatch_table.get(type(value))
        try:
            parts = reduce(value) if reduce else value.__reduce_ex__(2)
        except Exception as error:
            if not self._strict:
                self._note("opaque", type(value).__qualname__)
                return
            raise UsageError(
                f"Expected objects that can be copied, since their content identifies cells, got a "
                f"{type(value).__name__}. Make it inside the methods that use it."
            ) from error
        if isinstance(parts, str):
            self._note("global", parts)
            return
        made, arguments, *rest = parts  # the state, the items of a list, those of a mapping
        items = [list(each) for each in rest[1:3] if each is not None]
        self._add_all("instance", (made, arguments, rest[0] if rest else None, *items))

    def _add_class(self, kind: type) -> None:
        self._note("class", kind.__module__, kind.__qualname__)
        if is_installed(kind.__module__):
            return
        self._add_all("bases", kind.__bases__)
        if not is_installed(type(kind).__module__):
            self.add(type(kind))
        own = {name: value for name, value in vars(kind).items() if not _is_class_state(name)}
        private = vars(kind).get("__private_attributes__", {})
        self._add_mapping(own | {name: (made.default, made.default_factory) for name, made in private.items()})
        if issubclass(kind, BaseModel):
            self._add_mapping({name: _said(field) for name, field in kind.model_fields.items()})
            self._add_mapping(kind.model_config)

    def _add_function(self, function: types.FunctionType) -> None:
        self._note("function", function.__module__, function.__qualname__)
        if is_installed(function.__module__ or ""):
            return
        self._add_code(function.__code__)
        self._add_all("defaults", [*(function.__defaults__ or ()), function.__kwdefaults__])
        if own := {name: value for name, value in vars(function).items() if not name.startswith("_")}:
            self._add_mapping(own)
        self._add_all("closure", filter(None, map(_held, function.__closure__ or ())))
        used = _names(function.__code__)
        for name in sorted((used & function.__globals__.keys()) - _LOCATION):
            self._add_used(name, function.__globals__[name], used)
        self._add_mapping(code_imported_by(function))

    def _add_used(self, name: str, value: Any, names: set[str], around: tuple[types.ModuleType, ...] = ()) -> None:
        """Add what a global name refers to; of a module that is not installed, what the function uses of it."""
        self._note("member" if around else "global", name)
        if not isinstance(value, types.ModuleType):
            self.add(value)
            return
        self._note("module", value.__name__)
        if is_installed(value.__name__) or value in around:
            return
        for member in sorted(names & vars(value).keys()):
            self._add_used(member, vars(value)[member], names, (*around, value))

    def _add_code(self, code: types.CodeType) -> None:
        self._note("code", sys.version_info[:2], code.co_argcount, code.co_kwonlyargcount, code.co_flags)
        self._note(*code.co_names, "", *code.co_varnames, "", *code.co_freevars)
        self._hash.update(code.co_code)
        self._hash.update(code.co_exceptiontable)
        self._add_all("constants", code.co_consts)

    def _add_method(self, method: types.MethodType) -> None:
        self._add_all("method", (method.__func__, method.__self__))

    def _add_partial(self, made: functools.partial[Any]) -> None:
        self._add_all("partial", (made.func, made.args, made.keywords))

    def _add_wrapped(self, wrapper: Any) -> None:
        self._add_all(type(wrapper).__name__, (wrapper.__func__,))

    def _add_property(self, made: property) -> None:
        self._add_all("property", (made.fget, made.fset, made.fdel))

    def _add_named(self, value: Any) -> None:
        self._note("builtin", getattr(value, "__module__", ""), getattr(value, "__qualname__", type(value).__name__))


_BY_KIND: tuple[tuple[Any, Callable[[_Content, Any], None]], ...] = (
    (nn.Module, _Content._add_module),
    (Mapping, _Content._add_mapping),
    (list, _Content._add_list),
    ((set, frozenset), _Content._add_set),
    (type, _Content._add_class),
    (types.FunctionType, _Content._add_function),
    (types.CodeType, _Content._add_code),
    (types.MethodType, _Content._add_method),
    (functools.partial, _Content._add_partial),
    ((staticmethod, classmethod), _Content._add_wrapped),
    (property, _Content._add_property),
    ((types.BuiltinFunctionType, types.ModuleType, types.GenericAlias, *_DESCRIPTORS), _Content._add_named),
)


def _is_class_state(name: str) -> bool:
    return name in _CLASS_STATE or name.startswith(("__pydantic", "_abc_"))


def _said(field: FieldInfo) -> tuple[Any, ...]:
    """Return what a class of pydantic says of one of its fields."""
    return repr(field.annotation), field.alias, field.default, field.default_factory, field.metadata


def _held(cell: types.CellType) -> tuple[object] | None:
    """Return what a variable of an enclosing function holds; None if it is not set."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return None


def _names(code: types.CodeType) -> set[str]:
    """Return the global names and attributes that code and the functions inside it use."""
    inner = [_names(each) for each in code.co_consts if isinstance(each, types.CodeType)]
    return set(code.co_names).union(*inner)
