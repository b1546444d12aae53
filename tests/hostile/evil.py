"""Plug-ins that misbehave, installed as a package of their own by ``test_plugins.py``."""

import ctypes
import os
import random
import sys
import threading
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from mia_bench import Access, Attack, Dataset, Defense, ImageSet, Model, Pools
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.interfaces import Promise, SplitModel
from torch import Tensor, nn


def gray(seen: Any) -> Tensor:
    return torch.full((len(seen.wire), *seen.image_shape), 0.5)


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Unsendable(Exception):
    def __init__(self, message: str, more: object) -> None:
        super().__init__(message)
        self.more = more

    def __reduce__(self) -> Any:
        raise TypeError("not by pickle")


def deep(depth: int = 0) -> int:
    return deep(depth + 1) + 1


class Kind(Tensor):
    """A tensor whose operations fail."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError("no operation is allowed")


def throw(error: BaseException) -> Any:
    raise error


def leak_state() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_default_device("meta")
    torch.set_num_threads(4)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(1)
    np.random.seed(1)
    np.seterr(all="raise")
    random.seed(1)
    warnings.simplefilter("error")
    os.environ["MIA_BENCH_CACHE"] = "/nowhere"
    os.chdir("/")
    sys.setrecursionlimit(300)


def spoil(seen: Any) -> Tensor:
    for module in (seen.client, seen.server, seen.channel):
        for weight in module.parameters() if module is not None else ():
            weight.data.zero_()
    seen.aux.images.zero_()
    seen.aux.labels.zero_()
    seen.wire.payload.zero_()
    return gray(seen)


def say(seen: Any) -> Tensor:
    print("\x1b[31mON STDOUT" * 3)
    os.write(1, b"ON STDOUT")
    warnings.warn("evil", stacklevel=1)
    return gray(seen)


def close(seen: Any) -> Tensor:
    sys.stdout.close()
    sys.stderr.close()
    return gray(seen)


def spawn(seen: Any) -> Tensor:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    return gray(seen)


def leak(seen: Any) -> Tensor:
    leak_state()
    return torch.full((len(seen.wire), *seen.image_shape), 0.5, dtype=torch.float32, device="cpu")


ACTS: dict[str, Any] = {
    "segfault": lambda seen: ctypes.string_at(0),
    "exits_at_once": lambda seen: os._exit(0),
    "exits": lambda seen: sys.exit(3),
    "mute": lambda seen: throw(Mute()),
    "wordy": lambda seen: throw(ValueError("x" * 5_000_000)),
    "escapes": lambda seen: throw(ValueError("\x1b[2J\x1b]0;title\x07 line\nbreak | =cmd")),
    "interrupts": lambda seen: throw(KeyboardInterrupt()),
    "generator_exit": lambda seen: throw(GeneratorExit()),
    "unsendable": lambda seen: throw(Unsendable("stay", lambda: None)),
    "recursion": lambda seen: deep(),
    "memory": lambda seen: throw(MemoryError()),
    "surrogate": lambda seen: throw(ValueError("\udcff")),
    "none": lambda seen: None,
    "few": lambda seen: gray(seen)[1:],
    "nan": lambda seen: gray(seen) * torch.nan,
    "kind": lambda seen: gray(seen).as_subclass(Kind),
    "meta": lambda seen: gray(seen).to("meta"),
    "sparse": lambda seen: gray(seen).to_sparse(),
    "whole_numbers": lambda seen: gray(seen).long(),
    "double": lambda seen: gray(seen).double().requires_grad_(),
    "aux_itself": lambda seen: seen.aux.images[: len(seen.wire)],
    "spoils": spoil,
    "leaks": leak,
    "says": say,
    "closes": close,
    "spawns": spawn,
}


class Evil(Attack):
    """Misbehaves."""

    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False
    act: str = "none"

    def reconstruct(self, seen: Any) -> Tensor:
        return ACTS[self.act](seen)


class Honest(Ridge):
    """Does what it should."""

    standard: ClassVar[bool] = False


class NoAccess(Attack):
    """Does not say what it uses."""

    standard: ClassVar[bool] = False

    def reconstruct(self, seen: Any) -> Tensor:
        return gray(seen)


def zero(model: SplitModel, train: ImageSet) -> SplitModel:
    for weight in model.modules().parameters():
        weight.data.zero_()
    train.images.zero_()
    leak_state()
    return model


PROTECTIONS: dict[str, Any] = {
    "segfault": lambda model, train: ctypes.string_at(0),
    "mute": lambda model, train: throw(Mute()),
    "none": lambda model, train: None,
    "zero": zero,
    "promise": lambda model, train: SplitModel(
        client=model.client, server=model.server, promise=Promise(guarantee="\x1b" * 9, epsilon="much")
    ),
}


class Spoiler(Defense):
    """Misbehaves."""

    act: str = "none"

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        return PROTECTIONS[self.act](model, train)


class Source(Dataset):
    """Misbehaves when it is loaded."""

    act: str = "none"

    def load(self, data_dir: Path | None) -> Pools:
        return {"segfault": lambda: ctypes.string_at(0), "mute": lambda: throw(Mute()), "none": lambda: None}[
            self.act
        ]()


class Network(Model):
    """Misbehaves when it is built."""

    act: str = "none"

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        return {"exits": lambda: os._exit(5), "none": lambda: None}[self.act]()


class Shades(Dataset):
    """Means no harm: random images of a size that only its parameters tell."""

    side: int = 8

    def load(self, data_dir: Path | None) -> Pools:
        generator = torch.Generator().manual_seed(0)
        train, aux, private = (
            ImageSet(torch.rand(12, 1, self.side, self.side, generator=generator), torch.arange(12) % 2)
            for _ in range(3)
        )
        return Pools(train, aux, private, ("dark", "light"))


class Pair(Model):
    """Means no harm: two layers."""

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        pixels = image_shape[0] * image_shape[1] * image_shape[2]
        return nn.Sequential(OrderedDict(flatten=nn.Flatten(), fc=nn.Linear(pixels, classes)))
