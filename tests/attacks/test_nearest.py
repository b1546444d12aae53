"""The attack that remembers."""

from collections.abc import Callable

import torch
from mia_bench.attacks import nearest
from mia_bench.attacks.nearest import Nearest


def test_an_image_of_its_own_is_found_again(world: Callable) -> None:
    victim = world("relu2")
    index = torch.tensor([3, 399, 17])
    victim.wire = victim.model.send(victim.aux.images[index])

    assert torch.equal(victim.attacked_by(Nearest()), victim.aux.images[index])


def test_it_is_the_nearest_of_all_chunks(world: Callable, monkeypatch) -> None:
    monkeypatch.setattr(nearest, "MAX_CHUNK_QUERIES", 7)
    victim = world("relu2")
    wires, observed = victim.model.send(victim.aux.images).tensor, victim.wire.tensor

    gaps = (observed[:, None] - wires).double().square().flatten(2).sum(2)

    assert torch.equal(victim.attacked_by(Nearest()), victim.aux.images[gaps.argmin(1)])
