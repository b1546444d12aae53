"""The attack that remembers."""

from collections.abc import Callable

import torch
from mia_bench import Channel, ImageSet
from mia_bench.attacks import nearest
from mia_bench.attacks._decoders.queries import Queries
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


class Hidden(Channel):
    """Sends random numbers in place of the IR."""

    stochastic = True

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return torch.randn_like(value)


def test_wires_that_say_nothing_give_the_mean_image_even_where_a_guess_may_be_better(world: Callable) -> None:
    """Of black and white images, a random one is exact for every other image, which the mean PSNR rewards."""
    victim = world("relu2", Hidden())
    black_or_white = (torch.arange(400) % 2).view(-1, 1, 1, 1).expand(-1, 1, 16, 16).float()
    victim.aux = ImageSet(black_or_white, torch.zeros(400, dtype=torch.int64))

    rebuilt = victim.attacked_by(Nearest())

    assert torch.equal(rebuilt, black_or_white.mean(0).expand(len(victim.private.images), -1, -1, -1))


def test_images_of_one_source_are_not_the_closest_ones_to_each_other(world: Callable) -> None:
    """Each image has a copy; without it, the closest one is a random one."""
    victim = world("relu2")
    images = torch.rand(200, 1, 16, 16).repeat(2, 1, 1, 1)
    victim.aux = ImageSet(images, torch.zeros(400, dtype=torch.int64), torch.arange(400) % 200)
    queries = Queries(victim.seen_by(Nearest()), images, sources=victim.aux.sources)
    judge = torch.arange(200)
    closest = nearest._closest(queries.wires(judge), queries, own=judge)

    assert not (closest % 200 == judge).any()
