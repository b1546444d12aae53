"""What an attack may see, and that it harms nothing by changing it."""

import dataclasses
from dataclasses import replace

import pytest
import torch
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.observe import GRANTED, observe, overhear
from mia_bench.benchmark.interfaces import (
    Access,
    Attack,
    Channel,
    CleanInput,
    ImageSet,
    Observation,
    Pools,
    SplitModel,
    Wire,
)
from torch import Tensor, nn

from ...helpers.cells import Scripted, gray, outcome, setting


def test_an_observation_has_no_place_for_private_images_or_labels() -> None:
    fields = {field.name for field in dataclasses.fields(Observation)}

    known = {"wire", "aux", "classes", "channel", "input_channel", "traffic", "unmerged"}
    assert fields == known | {"query", "client", "layers", "server", "tail", "structure"}


GRANTS = {
    Access.WHITE_BOX: {"query", "client", "layers"},
    Access.BLACK_BOX: {"query"},
    Access.QUERY_FREE: {"server", "structure"},
}


@pytest.mark.parametrize(("access", "granted"), GRANTS.items())
def test_an_attack_gets_what_its_access_grants_and_nothing_else(
    access: Access, granted: set[str], bench: Artifacts
) -> None:
    found: set[str] = set()

    def look(seen: Observation) -> Tensor:
        found.update(name for name in GRANTED if getattr(seen, name) is not None)
        return gray(seen)

    outcome(bench, look, access)

    assert found == granted


class Listening(MeanImage):
    @property
    def traffic_count(self) -> int:
        return 5


def traffic(listener: Attack, private: ImageSet, *, attacked: int) -> Tensor | None:
    model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(49, 2)))
    pools, first = Pools(private, private, private, ("a", "b")), private[:attacked].images
    seen = observe(listener, model, overhear(model, first), pools=pools, originals=first, identity="x")
    return None if seen.traffic is None else seen.traffic.tensor


def test_traffic_is_that_of_images_not_under_attack_however_many_are() -> None:
    private = ImageSet(torch.rand(20, 1, 7, 7), torch.arange(20) % 2)
    flat = private.images.flatten(1)

    few, many, most = (traffic(Listening(), private, attacked=count) for count in (2, 15, 18))

    assert few is not None
    assert many is not None
    assert most is not None
    assert {row.numpy().tobytes() for row in few} == {row.numpy().tobytes() for row in flat[15:]}
    assert torch.equal(few, many)
    assert not torch.equal(few, flat[15:])  # in another order
    assert len(most) == 2
    assert traffic(Listening(), private, attacked=20) is None
    assert traffic(MeanImage(), private, attacked=2) is None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Long(SplitModel):
    """Sends as many bytes as an image is bright."""

    def send(self, images: Tensor) -> Wire:
        return Wire(tuple(bytes(8 + int(100 * image.mean())) for image in images))


def test_an_attack_reads_how_long_messages_are() -> None:
    model = Long(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(4, 2)))
    shades = torch.linspace(0, 1, 40).view(40, 1, 1, 1).expand(40, 1, 8, 8).contiguous()
    known, tested = ImageSet(shades, torch.arange(40) % 2), shades[[3, 17, 30]]
    pools = Pools(known, known, known, ("a", "b"))

    seen = observe(Ridge(), model, overhear(model, tested), pools=pools, originals=tested, identity="x")
    found = Ridge().reconstruct(seen)

    assert seen.query is not None
    torch.testing.assert_close(seen.wire.tensor[:, 0] * 16, 8 + (100 * tested[:, 0, 0, 0]).int().float())
    torch.testing.assert_close(seen.query(tested[:1]).tensor[:, 0], seen.wire.tensor[:1, 0])
    torch.testing.assert_close(found, tested, atol=0.03, rtol=0)


class Doubles(Channel):
    """Reads numbers from bytes."""

    def read(self, wire: Wire) -> Tensor:
        return (wire.tensor * 255).round().to(torch.uint8).view(torch.float32)


def test_a_channel_that_reads_bytes_itself_gets_them_as_they_are() -> None:
    class Coded(SplitModel):
        def send(self, images: Tensor) -> Wire:
            return Wire(tuple(image.numpy().tobytes() for image in images))

    model = Coded(client=nn.Sequential(), server=nn.Sequential(), ir_channel=Doubles())
    images = torch.rand(3, 1, 2, 2)

    torch.testing.assert_close(model.ir_channel.read(overhear(model, images)), images.flatten(1))


def test_an_attack_with_queries_gets_no_traffic() -> None:
    class Asking(Ridge):
        @property
        def traffic_count(self) -> int:
            return 5

    assert traffic(Asking(), ImageSet(torch.rand(20, 1, 7, 7), torch.arange(20) % 2), attacked=2) is None


def test_no_private_image_is_in_what_an_attack_sees(bench: Artifacts) -> None:
    private = {image.numpy().tobytes() for image in bench.pools(setting(bench).dataset).private.images}
    seen_images: list[ImageSet] = []

    def look(seen: Observation) -> Tensor:
        seen_images.append(seen.aux)
        return gray(seen)

    outcome(bench, look)

    assert not private & {image.numpy().tobytes() for image in seen_images[0].images}


def test_an_attack_that_destroys_what_it_was_given_harms_no_other(bench: Artifacts) -> None:
    before = bench.protected(setting(bench)).model.client[1].weight.clone()
    wire = bench.protected(setting(bench)).wire.tensor.clone()
    aux = bench.pools(setting(bench).dataset).aux.images.clone()

    def vandalize(seen: Observation) -> Tensor:
        assert seen.client is not None
        for parameter in seen.client.parameters():
            parameter.requires_grad_(False).zero_()
        seen.wire.tensor.zero_()
        seen.aux.images.zero_()
        return gray(seen)

    outcome(bench, vandalize, Access.WHITE_BOX)

    assert torch.equal(bench.protected(setting(bench)).model.client[1].weight, before)
    assert torch.equal(bench.protected(setting(bench)).wire.tensor, wire)
    assert torch.equal(bench.pools(setting(bench).dataset).aux.images, aux)


def test_noise_on_the_wire_is_fresh_for_queries_and_fixed_for_the_observed_wire(bench: Artifacts) -> None:
    noisy = setting(bench, "dp_ir:sigma=0.5")
    attack = Scripted()

    first, second = bench.observe(noisy, attack), bench.observe(noisy, attack)
    assert first.query is not None
    queries = [first.query(first.aux.images).tensor for _ in range(2)]

    assert torch.equal(first.wire.tensor, second.wire.tensor)
    assert not torch.equal(*queries)


def test_repeated_observations_are_merged_for_the_wire_and_for_queries(bench: Artifacts) -> None:
    noisy, plain = setting(bench, "dp_ir:sigma=0.8"), setting(bench)
    clean = bench.observe(plain, MeanImage()).wire.tensor
    seen = bench.observe(noisy, Ridge(observations=16))
    assert seen.query is not None
    images = seen.aux.images[:16]

    queried = seen.query(images).tensor - bench.observe(plain, Ridge()).query(images).tensor  # type: ignore[misc]

    assert (seen.wire.tensor - clean).std().item() == pytest.approx(0.8 / 4, rel=0.05)
    assert queried.std().item() == pytest.approx(0.8 / 4, rel=0.05)
    assert getattr(seen.channel, "sigma") == pytest.approx(0.8 / 4)  # noqa: B009
    assert (bench.observe(noisy, Ridge()).wire.tensor - clean).std().item() == pytest.approx(0.8, rel=0.05)


def test_repeated_observations_of_a_repeatable_wire_are_the_wire_itself(bench: Artifacts) -> None:
    plain = setting(bench)
    assert torch.equal(
        bench.observe(plain, Ridge(observations=16)).wire.tensor, bench.observe(plain, Ridge()).wire.tensor
    )


def test_traffic_has_no_image_that_equals_one_under_attack() -> None:
    private = ImageSet(torch.rand(20, 1, 7, 7), torch.arange(20) % 2)
    repeated = replace(private, images=private.images.clone())
    repeated.images[[16, 18]] = private.images[[0, 1]]

    found, without = traffic(Listening(), repeated, attacked=2), traffic(Listening(), private, attacked=2)

    assert found is not None
    assert without is not None
    new = [(row == private.images[[16, 18]].flatten(1)).all(1).any().item() for row in without]
    assert torch.equal(found, without[~torch.tensor(new)])
    assert sum(new) == 2
    repeated.images[15:] = private.images[1]
    assert traffic(Listening(), repeated, attacked=2) is None


def test_traffic_has_no_image_of_a_source_under_attack() -> None:
    private = ImageSet(torch.rand(20, 1, 7, 7), torch.arange(20) % 2, torch.arange(20) % 4)

    found = traffic(Listening(), private, attacked=2)  # of sources 0 and 1

    assert found is not None
    allowed = private.images[[15, 18, 19]].flatten(1)  # the last five but sources 0 and 1
    assert {row.numpy().tobytes() for row in found} == {row.numpy().tobytes() for row in allowed}
    assert traffic(Listening(), private, attacked=4) is None


class Random(Channel):
    stochastic = True


class Hidden(Random):
    published = False


@pytest.mark.parametrize("access", [Access.WHITE_BOX, Access.BLACK_BOX])
def test_random_changes_of_images_that_are_published_are_known_of_single_wires(access: Access) -> None:
    random = Random()

    assert repeated(random, 1, access).input_channel is random
    assert repeated(random, 1, access).unmerged is None
    assert repeated(random, 2, access).input_channel is None
    assert unmerged(random, 2, access).input_channel is random
    assert repeated(Channel(), 1, access).input_channel is None
    assert repeated(Channel(), 2, access).unmerged is None
    assert repeated(Hidden(), 1, access).input_channel is None
    assert unmerged(Hidden(), 2, access).input_channel is None


class Halved(Channel):
    def clean(self, value: Tensor) -> Tensor:
        return value / 2

    def forward(self, value: Tensor) -> Tensor:
        return self.clean(value)


class HiddenHalf(Halved):
    published = False


class RandomHalf(Halved):
    stochastic = True


def built(channel: Channel, wires: int) -> list[type[nn.Module]]:
    """The parts of the structure that an attack without queries gets behind a channel of the images."""
    seen = repeated(channel, wires, Access.QUERY_FREE)
    assert seen.structure is not None
    return [type(part) for part in seen.structure().children()]


def test_the_structure_is_behind_what_a_defense_publishes_about_changes_of_the_images() -> None:
    alone = built(Channel(), 1)

    assert built(Halved(), 1) == built(RandomHalf(), 2) == [CleanInput, nn.Sequential]
    assert built(RandomHalf(), 1) == built(HiddenHalf(), 1) == built(Channel(), 2) == alone
    assert CleanInput not in alone


@pytest.mark.parametrize("access", Access)
def test_whoever_records_several_wires_has_each_of_them_and_no_more_access(access: Access) -> None:
    seen = repeated(Noisy(), 3, access)

    single = seen.unmerged
    assert single is not None
    wires = single.wire.tensor.view(3, len(seen.wire), -1)
    assert torch.equal(wires.mean(0), seen.wire.tensor)
    assert not torch.equal(wires[0], wires[1])
    assert {name for name in GRANTED if getattr(single, name) is not None} == GRANTS[access]
    assert single.aux is seen.aux
    assert single.traffic is None
    if single.query is not None:
        black = torch.zeros(500, 1, 7, 7)
        assert single.query(black).tensor.std().item() == pytest.approx(1, abs=0.05)


class Noisy(Random):
    def forward(self, value: Tensor) -> Tensor:
        return value + torch.randn_like(value)


def unmerged(before: Channel, observations: int, access: Access) -> Observation:
    single = repeated(before, observations, access).unmerged
    assert single is not None
    return single


def repeated(before: Channel, observations: int, access: Access) -> Observation:
    attack = type("Acting", (Scripted,), {"access": access})(observations=observations)
    model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(), input_channel=before)
    private = ImageSet(torch.rand(2, 1, 7, 7), torch.arange(2))
    pools = Pools(private, private, private, ("a", "b"))
    wire = overhear(model, private.images)
    return observe(attack, model, wire, pools=pools, originals=private.images, identity="x")
