"""Run components on an emulated device."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mia_bench.benchmark.checks.effects import effects, scenes
from mia_bench.benchmark.checks.lab import Lab
from mia_bench.benchmark.interfaces import Component
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...helpers.fake_device import fake_device


def assert_same_on_fake_device(component: Component, lab: Lab) -> None:
    """Compare the effects of a component on the emulated device with those in a lab on the CPU."""
    place = scenes(component, lab)[0]
    with plain_attention():
        here = effects(component, lab, place)
        with fake_device() as device:
            there = effects(component, Lab(device=str(device), data_dir=lab.data_dir), place)
    assert there.same(here), "other results on another device"


@contextmanager
def plain_attention() -> Iterator[None]:
    """Compute attention from its formula: the kernels of a device round differently, and training amplifies it."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
