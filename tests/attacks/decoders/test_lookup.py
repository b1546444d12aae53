"""Tables of what the cells of a wire stand for."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mia_bench import Channel, ImageSet, Observation, Reconstruction, Wire
from mia_bench.attacks._decoders.divided import Divided
from mia_bench.attacks._decoders.fitting import DecoderRecipe
from mia_bench.attacks._decoders.grid import Grid
from mia_bench.attacks._decoders.lookup import LookupDecoder, fit_lookup, fit_values
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks._ensemble import ensemble
from mia_bench.benchmark.utils.ir_layout import IrLayout
from torch import Tensor, nn

KINDS, SIDE, WIDTH = 6, 8, 3


class Embedding(nn.Module):
    """Looks up a vector for each pixel, and perhaps adds one for its position."""

    def __init__(self, arrange: Callable[[Tensor], Tensor], *, positions: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.arrange = nn.Embedding(KINDS, WIDTH), arrange
        self.positions = torch.randn(SIDE * SIDE, WIDTH) * positions

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        return self.arrange(self.table((images * KINDS).round().long().flatten(1)) + self.positions)


def as_maps(cells: Tensor) -> Tensor:
    return cells.mT.unflatten(2, (SIDE, SIDE))


LAYOUTS = {"tokens": lambda cells: cells, "maps": as_maps, "flat": lambda cells: cells.flatten(1)}
LAYOUTS["flat maps"] = lambda cells: as_maps(cells).flatten(1)


def tokens(count: int) -> Tensor:
    return torch.randint(0, KINDS, (count, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(count)) / KINDS


def seen_through(client: nn.Module, private: Tensor) -> Observation:
    aux = ImageSet(tokens(60), torch.zeros(60, dtype=torch.int64))
    query = lambda images: Wire(client(images))  # noqa: E731
    return Observation(wire=query(private), aux=aux, classes=2, channel=Channel(), query=query, client=client)


def divided(seen: Observation) -> Divided:
    return Divided(Queries(seen, seen.aux.images))


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_embedding_is_read_exactly_in_any_layout(name: str) -> None:
    private = tokens(5)
    queries = divided(seen_through(Embedding(LAYOUTS[name], positions=False), private))

    table = fit_lookup(queries)

    assert table is not None
    torch.testing.assert_close(table.rebuild(queries.to_rebuild)[-1], private)


def test_cells_far_from_zero_are_told_apart() -> None:
    known, values = 100 + 0.02 * torch.randn(256, 64), torch.linspace(0, 1, 256)[:, None]
    layout = IrLayout.of((64, SIDE, SIDE), image=(1, SIDE, SIDE))
    decoder = LookupDecoder(layout, Grid.fit(layout, (SIDE, SIDE)), known, values)
    chosen = torch.randint(256, (4, SIDE, SIDE))

    assert torch.equal(decoder(known[chosen].permute(0, 3, 1, 2))[:, 0], values[chosen, 0])


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_embedding_with_positions_is_read_exactly_in_any_layout(name: str) -> None:
    private = tokens(5)
    queries = divided(seen_through(Embedding(LAYOUTS[name], positions=True), private))

    table = fit_values(queries)

    assert table is not None
    torch.testing.assert_close(table.rebuild(queries.to_rebuild)[-1], private)


def test_cells_that_never_come_again_give_no_table() -> None:
    client = nn.Conv2d(1, 8, 3, padding=1).requires_grad_(False)
    seen = seen_through(client, torch.rand(5, 1, SIDE, SIDE))
    seen.aux.images.copy_(torch.rand(60, 1, SIDE, SIDE))

    assert fit_lookup(divided(seen)) is None


def test_pixels_of_too_many_values_give_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = divided(seen_through(Embedding(LAYOUTS["maps"], positions=False), tokens(5)))
    monkeypatch.setattr("mia_bench.attacks._decoders.lookup.MAX_VALUES", KINDS - 1)

    assert fit_values(queries) is None


def test_a_table_is_the_selected_member_behind_an_embedding() -> None:
    private = tokens(5)
    light: Any = {"epochs": 1, "steps": 4, "channels": 4}

    seen = seen_through(Embedding(LAYOUTS["flat"], positions=True), private)
    rebuilt = ensemble(seen, DecoderRecipe(**light), thorough=True)

    assert isinstance(rebuilt, Reconstruction)
    assert rebuilt.selected == "lookup_value"
    torch.testing.assert_close(rebuilt.images, private)
