"""Learned attacks read a wire in the way that tells them more."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.attacks._decoders.reading import reads_well
from mia_bench.attacks.auto import Auto
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.interfaces import Channel
from mia_bench.benchmark.metrics import psnr

from ...helpers.permuted import Misread, Permuted


def decibels(world: Callable, channel: Channel, attack: Ridge) -> float:
    victim = world("fc1", channel)
    return psnr(victim.attacked_by(attack), victim.private.images).mean().item()


@pytest.mark.parametrize("channel", [Permuted, Misread])
def test_neither_a_code_nor_its_reading_hides_what_the_other_tells(world: Callable, channel: type[Channel]) -> None:
    plain = decibels(world, Channel(), Ridge())

    assert decibels(world, channel(), Ridge()) == pytest.approx(plain, abs=0.5)


@pytest.mark.parametrize(("channel", "well"), [(Channel, True), (Permuted, True), (Misread, False)])
def test_nothing_is_inverted_that_the_channel_reads_badly(
    world: Callable, channel: type[Channel], *, well: bool
) -> None:
    assert reads_well(world("fc1", channel()).seen_by(Auto())) == well


def test_repeated_wires_are_merged_as_they_are_read(world: Callable) -> None:
    once, often = (world("fc1", Permuted()).seen_by(Ridge(observations=count)) for count in (1, 3))

    torch.testing.assert_close(often.channel.read(often.wire), once.channel.read(once.wire))
