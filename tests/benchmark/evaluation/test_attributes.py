"""What the wire says of labels that the network is not for."""

from dataclasses import replace

import pytest
import torch
from mia_bench.benchmark.evaluation.attributes import Outputs, attribute_leak
from mia_bench.benchmark.interfaces import Channel, ImageSet, Pools, SplitModel, Wire
from torch import Tensor, nn

from ...helpers.permuted import Permuted


class Deaf(Channel):
    """Sends noise whatever it is given."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return torch.randn_like(value)


def images(count: int, seed: int) -> ImageSet:
    """Images whose left half is bright or dark, which is their class, as is their right half, an attribute."""
    draw = torch.Generator().manual_seed(seed)
    left, right, level = (torch.randint(0, most, (count,), generator=draw) for most in (2, 2, 40))
    pixels = 0.1 * torch.rand(count, 1, 8, 8, generator=draw)
    pixels[..., :4] += 0.8 * left.view(-1, 1, 1, 1)
    pixels[..., 4:] += 0.8 * right.view(-1, 1, 1, 1)
    return ImageSet(pixels, left, attributes=torch.stack([right, level], 1).float())


POOLS = Pools(images(50, 0), images(300, 1), images(200, 2), ("dark", "bright"), attributes=("right", "lottery"))


def network() -> nn.Sequential:
    """Tells how bright the left half is, and nothing else."""
    layer = nn.Linear(64, 2)
    left = torch.zeros(8, 8)
    left[:, :4] = 1 / 32
    with torch.no_grad():
        layer.weight.copy_(torch.stack([-left.flatten(), left.flatten()]))
        layer.bias.copy_(torch.tensor([0.45, -0.45]))
    return nn.Sequential(nn.Flatten(), layer)


def model(*layers: nn.Module, channel: Channel | None = None) -> SplitModel:
    return SplitModel(client=nn.Sequential(*layers), server=nn.Sequential(), ir_channel=channel or Channel())


def test_an_exact_wire_gives_the_attribute_that_the_outputs_do_not_tell() -> None:
    found = attribute_leak(model(nn.Identity()), Outputs(network()), POOLS)

    assert found is not None
    assert found.name == "right"
    assert found.accuracy == 1.0
    assert found.details["attribute_from_outputs"] == pytest.approx(0.5, abs=0.12)
    assert found.details["attribute_gain_low"] > 0.35
    assert found.details["attribute_images"] == 200


def test_the_attackers_images_may_be_in_the_order_of_their_values() -> None:
    def in_order(pool: ImageSet) -> ImageSet:
        assert pool.attributes is not None
        corner = 2 * pool.attributes[:, :1] + pool.labels[:, None]
        return replace(pool, attributes=corner)[corner[:, 0].argsort()]

    pools = (in_order(each) for each in (POOLS.train, POOLS.aux, POOLS.private))

    found = attribute_leak(
        model(nn.Identity()), Outputs(network()), Pools(*pools, POOLS.classes, attributes=("corner",))
    )

    assert found is not None
    assert (found.name, found.accuracy) == ("corner", 1.0)


def test_a_wire_that_is_the_output_has_no_gain() -> None:
    found = attribute_leak(model(*network()), Outputs(network()), POOLS)

    assert found is not None
    assert found.details["attribute_gain_low"] <= 0
    assert found.gain < 0.05


def test_a_wire_that_does_not_depend_on_the_image_has_no_gain() -> None:
    torch.manual_seed(0)
    found = attribute_leak(model(nn.Identity(), channel=Deaf()), Outputs(network()), POOLS)

    assert found is not None
    assert found.details["attribute_accuracy_low"] <= found.details["attribute_majority"]
    assert found.gain <= 0.05


class Impulses(Channel):
    """Sends one number in fifty as a huge one."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return torch.where(torch.rand_like(value) < 0.02, 1e6 * torch.randn_like(value), value)


@pytest.mark.parametrize("channel", [Permuted, Impulses])
def test_neither_a_code_that_the_channel_reads_nor_rare_errors_hide_an_attribute(channel: type[Channel]) -> None:
    torch.manual_seed(0)

    found = attribute_leak(model(nn.Flatten(), channel=channel()), Outputs(network()), POOLS)

    assert found is not None
    assert found.name == "right"
    assert found.accuracy > 0.97


def faint(count: int, seed: int) -> ImageSet:
    """Images with a faint mark, the first attribute; the other 39 are random."""
    draw = torch.Generator().manual_seed(seed)
    others = torch.rand(count, 40, generator=draw) < torch.linspace(0.5, 0.05, 40)
    pixels = torch.rand(count, 1, 8, 8, generator=draw)
    pixels[..., :2, :2] += 0.3 * others[:, :1, None, None]
    return ImageSet(pixels, torch.zeros(count, 0), task="unlabeled", attributes=others.float())


def test_attributes_that_are_not_in_the_wire_do_not_hide_one_that_is() -> None:
    pools = [faint(50, 0), faint(300, 1), faint(200, 2)]

    def of_first(columns: int) -> Pools:
        parts = (
            replace(each, attributes=each.attributes[:, :columns]) for each in pools if each.attributes is not None
        )
        return Pools(*parts, classes=(), attributes=tuple(f"a{column}" for column in range(columns)))

    alone, among = (attribute_leak(model(nn.Identity()), Outputs(network()), of_first(columns)) for columns in (1, 40))

    assert alone is not None
    assert alone.details["attribute_gain_low"] > 0
    assert among == alone


class Halves(Channel):
    """Sends the left half as it is, and the right half inverted where the sum of a code that it sends is odd.

    Those who read the code throw the left half away.
    """

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        code = torch.randint_like(value[..., :2], 2)
        return torch.cat([value[..., :4], self._inverted(value[..., 4:], code), code], -1)

    def read(self, wire: Wire) -> Tensor:
        return self._inverted(wire.tensor[..., 4:8], wire.tensor[..., 8:])

    def _inverted(self, half: Tensor, code: Tensor) -> Tensor:
        return (0.9 * (code.sum((1, 2, 3), keepdim=True) % 2) - half).abs()


def test_each_attribute_is_read_in_the_way_that_tells_it_most() -> None:
    def relabeled(pool: ImageSet) -> ImageSet:
        assert pool.attributes is not None
        return replace(pool, attributes=torch.stack([pool.attributes[:, 0], pool.labels], 1))

    torch.manual_seed(0)
    pools = (relabeled(each) for each in (POOLS.train, POOLS.aux, POOLS.private))

    found = attribute_leak(
        model(nn.Identity(), channel=Halves()),
        Outputs(network()),
        Pools(*pools, POOLS.classes, attributes=("right", "left")),
    )

    assert found is not None
    assert (found.name, found.accuracy) == ("right", 1.0)


def test_permuted_attributes_are_not_read() -> None:
    order = torch.randperm(len(POOLS.aux), generator=torch.Generator().manual_seed(0))
    assert POOLS.aux.attributes is not None
    permuted = replace(POOLS, aux=replace(POOLS.aux, attributes=POOLS.aux.attributes[order]))

    found = attribute_leak(model(nn.Identity()), Outputs(network()), permuted)

    assert found is not None
    assert found.gain < 0.1


def test_labels_of_a_multi_label_task_are_read_too() -> None:
    def relabeled(pool: ImageSet) -> ImageSet:
        assert pool.attributes is not None
        both = torch.stack([pool.labels.float(), pool.attributes[:, 0]], 1)
        return ImageSet(pool.images, both, task="multi-label")

    pools = Pools(*(relabeled(each) for each in (POOLS.train, POOLS.aux, POOLS.private)), classes=("left", "right"))

    found = attribute_leak(model(nn.Identity()), Outputs(network()), pools)

    assert found is not None
    assert (found.name, found.accuracy) == ("right", 1.0)


def test_numbers_with_many_values_are_read_as_low_middle_or_high() -> None:
    def relabeled(pool: ImageSet) -> ImageSet:
        brightness = pool.images.flatten(1).mean(1, keepdim=True)
        return ImageSet(pool.images, brightness, task="regression")

    pools = Pools(*(relabeled(each) for each in (POOLS.train, POOLS.aux, POOLS.private)), classes=("brightness",))

    found = attribute_leak(model(nn.Identity()), Outputs(lambda some: torch.zeros(len(some), 1)), pools)

    assert found is not None
    assert found.accuracy > 0.8
    assert found.details["attribute_majority"] == pytest.approx(1 / 3, abs=0.1)


def test_images_without_labels_have_nothing_to_read() -> None:
    def bare(pool: ImageSet) -> ImageSet:
        return ImageSet(pool.images, torch.zeros(len(pool), 0), task="unlabeled")

    pools = Pools(*(bare(each) for each in (POOLS.train, POOLS.aux, POOLS.private)), classes=())

    assert attribute_leak(model(nn.Identity()), Outputs(network()), pools) is None


def test_no_more_images_are_sent_than_the_accuracy_of_an_expensive_model_is_measured_on() -> None:
    sent = []

    class Counted(SplitModel):
        def overheard(self, images: Tensor) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
            sent.append(len(images))
            return super().overheard(images)

    expensive = Counted(client=nn.Sequential(nn.Identity()), server=nn.Sequential(), accuracy_images=20)

    found = attribute_leak(expensive, Outputs(network()), POOLS)

    assert found is not None
    assert (found.details["attribute_images"], sum(sent)) == (20, 1 + 40 + 20)


def test_the_outputs_of_the_undefended_network_are_read_once_for_all_defenses() -> None:
    calls = []
    undefended = network()

    def counted(some: Tensor) -> Tensor:
        calls.append(len(some))
        return undefended(some)

    outputs = Outputs(counted)
    attribute_leak(model(nn.Identity()), outputs, POOLS)
    before = len(calls)
    found = attribute_leak(model(nn.Identity(), channel=Deaf()), outputs, POOLS)

    assert found is not None
    assert len(calls) - before == 1  # counting the operations
