"""Components follow the device of what they are given, which is tested on an emulated device."""

import planted_attacks
import pytest
import torch
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.checks.lab import Lab

from ...helpers.fake_device import MixedDevices, fake_device
from .devices import assert_same_on_fake_device


@pytest.mark.parametrize(
    ("attack", "words"),
    [(planted_attacks.Homebound, "expected all tensors on one device"), (planted_attacks.Numpy, r"with \.cpu\(\)")],
)
def test_an_attack_that_ignores_the_device_is_found(attack: type, words: str) -> None:
    with pytest.raises(MixedDevices, match=words):
        assert_same_on_fake_device(attack(), Lab())


def test_an_attack_with_other_results_on_another_device_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Ridge.reconstruct
    monkeypatch.setattr(
        Ridge, "reconstruct", lambda self, seen: honest(self, seen) * (0.5 if seen.wire.tensor.is_meta else 1)
    )

    with pytest.raises(AssertionError, match="other results"):
        assert_same_on_fake_device(Ridge(), Lab())


def test_the_fake_device_computes_like_the_cpu_and_does_not_mix_with_it() -> None:
    with fake_device() as device:
        there = torch.arange(6.0).view(2, 3).to(device)

        assert (there @ there.T).cpu().tolist() == [[5, 14], [14, 50]]
        assert torch.zeros(2, device=device).tolist() == [0, 0]
        with pytest.raises(MixedDevices, match=r"got one on the CPU, \(2, 3\)"):
            there + torch.ones(2, 3)
