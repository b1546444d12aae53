"""Run components on an emulated device."""

from mia_bench.benchmark.checks.effects import effects, scenes
from mia_bench.benchmark.checks.lab import Lab
from mia_bench.benchmark.interfaces import Component
from mia_bench.benchmark.metrics.macs import unfused_attention

from ...helpers.fake_device import fake_device


def assert_same_on_fake_device(component: Component, lab: Lab) -> None:
    """Compare the effects of a component on the emulated device with those in a lab on the CPU."""
    place = scenes(component, lab)[0]
    with unfused_attention():  # The kernels of a device round differently, and training amplifies it.
        here = effects(component, lab, place)
        with fake_device() as device:
            there = effects(component, Lab(device=str(device), data_dir=lab.data_dir), place)
    assert there.same(here), "other results on another device"
