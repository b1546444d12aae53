"""The search for images of few values, where clients give no gradients."""

from typing import Any

import pytest
import torch
from mia_bench import Channel, ImageSet, Observation, Wire
from mia_bench.attacks._decoders.fitting import DecoderRecipe
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._ensemble import ensemble
from mia_bench.attacks._inversion import value_search
from mia_bench.attacks._inversion.value_search import ValueSearch, fit_value_search
from mia_bench.defenses._dp.noise_channel import NoiseChannel
from torch import Tensor, nn

KINDS, SIDE, WIDTH = 5, 8, 6


class Mixed(nn.Module):
    """Looks up a vector for each pixel, and mixes those of all pixels twice, as attention does."""

    def __init__(self, strength: float = 0.2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(KINDS, WIDTH)
        self.mix = nn.Parameter(torch.randn(2, SIDE * SIDE, SIDE * SIDE) * strength / 2)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        cells = self.table((images * KINDS).round().long().flatten(1))
        for mix in self.mix:
            cells = cells + (mix @ cells).tanh()
        return cells


def tokens(count: int, kinds: int = KINDS) -> Tensor:
    return torch.randint(0, kinds, (count, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(count)) / kinds


def seen_through(client: nn.Module, private: Tensor, channel: Channel | None = None) -> Observation:
    aux = ImageSet(tokens(60), torch.zeros(60, dtype=torch.int64))
    channel = channel or Channel()
    query = lambda images: Wire(channel(client(images)))  # noqa: E731
    return Observation(wire=query(private), aux=aux, classes=2, channel=channel, query=query, client=client)


def search_of(seen: Observation) -> ValueSearch | None:
    return fit_value_search(seen, Queries(seen, seen.aux.images))


def test_images_are_found_behind_a_client_that_mixes_pixels() -> None:
    private = tokens(8)
    seen = seen_through(Mixed(), private)
    search = search_of(seen)
    assert search is not None

    found = search.rebuild(seen.wire.tensor, [torch.zeros_like(private)])

    torch.testing.assert_close(found, private)


def test_the_search_begins_at_the_guess_that_explains_the_wire_best() -> None:
    private = tokens(8)
    seen = seen_through(Mixed(), private)
    search = search_of(seen)
    assert search is not None
    none = ValueSearch(search.client, search.distance, search.values, passes=0)

    found = none.rebuild(seen.wire.tensor, [torch.zeros_like(private), private + 0.01, torch.ones_like(private)])

    torch.testing.assert_close(found, private)


def test_it_finds_images_behind_noise_as_well() -> None:
    private = tokens(8)
    seen = seen_through(Mixed(), private, NoiseChannel(noise="gaussian", sigma=0.1, clip=None))
    search = search_of(seen)
    assert search is not None

    found = search.rebuild(seen.wire.tensor, [torch.zeros_like(private)])

    assert (found == private).float().mean() > 0.9


def test_each_value_has_all_channels_of_a_pixel() -> None:
    colors = torch.tensor([[0.1, 0.9], [0.5, 0.5], [0.9, 0.2]])
    private = colors[torch.tensor([[2, 0, 1, 1]])].transpose(1, 2).view(1, 2, 2, 2)
    search = ValueSearch(nn.Flatten(), Channel().distance, colors, passes=3)

    found = search.rebuild(private.flatten(1), [torch.zeros_like(private)])

    torch.testing.assert_close(found, private)


def test_it_stays_within_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = list[int]()

    class Counting(Mixed):
        def forward(self, images: Tensor) -> Tensor:
            sent.append(len(images))
            return super().forward(images)

    monkeypatch.setattr(value_search, "MAX_CANDIDATES", 2 * KINDS * SIDE * SIDE)
    private = tokens(1)
    seen = seen_through(Counting(strength=2.0), private)
    search = search_of(seen)
    assert search is not None
    assert search.passes == 2
    sent.clear()

    search.rebuild(seen.wire.tensor, [torch.zeros_like(private)])

    assert KINDS * SIDE * SIDE < sum(sent) < 2 * (KINDS * SIDE * SIDE + 10)


def test_pixels_of_too_many_values_and_wires_of_another_shape_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    private = tokens(2)
    seen = seen_through(Mixed(), private)
    padded = Observation(
        wire=Wire(torch.cat([seen.wire.tensor, seen.wire.tensor], 1)),
        aux=seen.aux,
        classes=2,
        channel=seen.channel,
        query=lambda images: Wire(Mixed()(images).repeat(1, 2, 1)),
        client=seen.client,
    )

    assert search_of(padded) is None
    monkeypatch.setattr(value_search, "MAX_CANDIDATES", KINDS * SIDE * SIDE - 1)
    assert search_of(seen) is None


def test_the_search_is_the_selected_member_where_tables_are_not_exact() -> None:
    private = tokens(5)
    light: Any = {"epochs": 1, "steps": 4, "channels": 4}

    rebuilt = ensemble(seen_through(Mixed(), private), DecoderRecipe(**light), thorough=True)

    assert rebuilt.selected == "search_values"
    assert not torch.equal(rebuilt.members["lookup_value"], private)
    torch.testing.assert_close(rebuilt.images, private)
