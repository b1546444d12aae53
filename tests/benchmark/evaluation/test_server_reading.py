"""A server that undoes what a channel does to the IR shows attackers how."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from mia_bench import Channel, ImageSet, SplitModel
from mia_bench.attacks.query_free import QueryFree
from mia_bench.attacks.ridge import Ridge
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.server_reading import ServerReading, as_server_reads, values_in
from torch import Tensor, nn
from torch.nn import functional

from ...helpers.tried_defenses import Given, Read, setting_with


def one_number_each(values: Tensor) -> tuple[int, ...]:
    return len(values), *[1] * (values.dim() - 1)


def random_signs(values: Tensor) -> Tensor:
    return values * (2 * torch.randint(0, 2, values.shape) - 1)


def random_gain(values: Tensor) -> Tensor:
    return values * torch.exp(1.5 * torch.randn(one_number_each(values)))


def random_offset(values: Tensor) -> Tensor:
    return values + 20 * torch.randn(one_number_each(values))


def order(seed: float, count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(round(seed * 1000)))


def random_order(values: Tensor) -> Tensor:
    """Shuffle the numbers of each image, and send the seed beside them."""
    seeds = torch.randint(1000, (len(values), 1)) / 1000
    rows = [row[order(seed.item(), len(row))] for row, seed in zip(values.flatten(1), seeds, strict=True)]
    return torch.cat([torch.stack(rows), seeds], 1)


def signs_of_its_own(values: Tensor) -> Tensor:
    """Draw the signs of an IR from what it is, so that they are the same each time."""
    rows = [row * (2.0 * (order(row.sum().item(), len(row)) % 2) - 1) for row in values.flatten(1)]
    return torch.stack(rows).view_as(values)


def normalized(values: Tensor) -> Tensor:
    return values / values.flatten(1).norm(dim=1).view(one_number_each(values))


def above_smallest(values: Tensor) -> Tensor:
    return values - values.flatten(1).amin(1).view(one_number_each(values))


def in_order(values: Tensor) -> Tensor:
    rows = [row[:-1][order(row[-1].item(), len(row) - 1).argsort()] for row in values]
    return torch.stack(rows).view(-1, 8, 12, 12)


def changing(change: Callable[[Tensor], Tensor]) -> Channel:
    channel = Given(change)
    channel.stochastic = change is not signs_of_its_own
    return channel


def images(count: int) -> Tensor:
    coarse = torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(count))
    return functional.interpolate(coarse, (16, 16), mode="bicubic", align_corners=True).clamp(0, 1)


def plain() -> SplitModel:
    torch.manual_seed(0)
    client = nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU())
    server = nn.Sequential(nn.Flatten(), nn.Linear(1152, 3))
    return SplitModel(client=client.requires_grad_(False), server=server.requires_grad_(False))


def changed(change: Callable[[Tensor], Tensor], undo: Callable[[Tensor], Tensor]) -> SplitModel:
    model = plain()
    return replace(model, ir_channel=changing(change), server=nn.Sequential(Read(undo, model.server)))


UNDONE = {
    "signs": (random_signs, torch.abs, torch.abs),
    "gain": (random_gain, normalized, normalized),
    "offset": (random_offset, above_smallest, above_smallest),
    "order": (random_order, in_order, lambda ir: ir),
    "signs of its own": (signs_of_its_own, torch.abs, torch.abs),
}


@pytest.mark.parametrize("name", UNDONE)
def test_an_attacker_reads_what_the_server_makes_of_a_wire(name: str) -> None:
    change, undo, expected = UNDONE[name]
    model, private = changed(change, undo), images(6)
    wire = model.send(private)

    seen, read = as_server_reads(model, wire, images(200), identity=0)

    ir = plain().client(private)
    torch.testing.assert_close(read.tensor, expected(ir), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(seen.send(private).tensor, expected(ir), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(seen.ir_channel.clean(ir), expected(ir), rtol=1e-4, atol=1e-4)
    assert not seen.ir_channel.stochastic
    assert seen.ir_channel.published


def gaussian_noise(values: Tensor) -> Tensor:
    return values + 0.3 * torch.randn_like(values)


def half_dropped(values: Tensor) -> Tensor:
    return values * torch.randint(0, 2, values.shape)


@pytest.mark.parametrize("change", [gaussian_noise, half_dropped])
@pytest.mark.parametrize("undo", [torch.relu, torch.tanh, lambda ir: functional.max_pool2d(ir, 2).repeat(1, 4, 1, 1)])
def test_noise_that_the_server_cannot_undo_is_attacked_as_it_is_sent(
    change: Callable[[Tensor], Tensor], undo: Callable[[Tensor], Tensor]
) -> None:
    model = changed(change, undo)
    wire = model.send(images(6))

    assert as_server_reads(model, wire, images(200), identity=0) == (model, wire)


def test_a_channel_that_is_not_published_is_undone_without_being_told() -> None:
    model = changed(random_gain, normalized)
    model.ir_channel.published = False

    seen, _ = as_server_reads(model, model.send(images(6)), images(200), identity=0)

    assert isinstance(seen.ir_channel, ServerReading)
    assert not seen.ir_channel.published


def test_a_place_that_has_lost_the_image_is_no_reading() -> None:
    model = changed(random_offset, lambda ir: above_smallest(ir)[:, :, :1, :1].expand(-1, -1, 12, 12))
    wire = model.send(images(6))

    assert as_server_reads(model, wire, images(200), identity=0) == (model, wire)


def test_attacks_with_queries_and_the_probe_read_as_the_server_does_and_others_get_the_wire(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        server = nn.Sequential(Read(normalized, model.server))
        return replace(model.copy(), ir_channel=changing(random_gain), server=server)

    chosen = setting_with(bench, protect)
    protected = bench.protected(chosen)
    norms = [bench.observe(chosen, attack).wire.tensor.flatten(1).norm(dim=1) for attack in (Ridge(), WhiteBox())]

    for found in norms:
        torch.testing.assert_close(found, torch.ones_like(found))
    assert not [*bench.observe(chosen, Ridge()).channel.parameters()]  # the weights of the server are not granted
    assert torch.equal(bench.observe(chosen, QueryFree()).wire.tensor, protected.wire.tensor)
    assert protected.notes["wire"].startswith("Attacks read what the first operations of the server make of")


def test_a_channel_whose_changes_the_server_undoes_exactly_changes_nothing(bench: Artifacts) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        def undo(values: Tensor) -> Tensor:
            rows = [row[:-1][order(row[-1].item(), len(row) - 1).argsort()] for row in values]
            return torch.stack(rows).view(len(values), *model.client(train.images[:1]).shape[1:])

        return replace(model.copy(), ir_channel=changing(random_order), server=nn.Sequential(Read(undo, model.server)))

    assert bench.protected(setting_with(bench, protect)).details["wire_unchanged"] == 1


def test_wires_that_are_no_numbers_are_left_to_the_checks_of_wires() -> None:
    model, aux = changed(random_gain, normalized), images(200)
    aux[3] = torch.nan
    wire = model.send(images(6))

    assert as_server_reads(model, wire, aux, identity=0) == (model, wire)


def test_the_values_in_a_server_are_those_before_and_behind_its_parts() -> None:
    server = nn.Sequential(nn.ReLU(), nn.Identity(), nn.Flatten(), nn.Linear(4, 2))
    value = torch.tensor([[[-1.0, 2.0], [3.0, -4.0]]])

    found = values_in(server, value)

    assert [tuple(each.shape) for each in found] == [(1, 2, 2), (1, 2, 2), (1, 4), (1, 2)]
    assert torch.equal(found[1], value.relu())
    assert torch.equal(values_in(server, value, 2)[1], value.relu())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in server.modules())
