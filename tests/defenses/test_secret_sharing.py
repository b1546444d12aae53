"""Secret sharing between two server processes as a defense."""

import os
import signal
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mia_bench.attacks._decoders import queries as _queries
from mia_bench.attacks._decoders.queries import Queries
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Defense, ImageSet, Observation, SplitModel, Target
from mia_bench.benchmark.metrics import psnr
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.defenses._remote import frames
from mia_bench.defenses._remote.process import ServerError
from mia_bench.defenses._sharing.layers import packed
from mia_bench.defenses._sharing.model import SharedModel, pack, unpack
from mia_bench.defenses._sharing.ring import PrecisionError
from mia_bench.defenses.secret_sharing import SecretSharing
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

UP = {"conv1": [288, 16, 120, 84], "conv2": [16, 120, 84], "relu3": [120, 84], "relu4": [84]}
DOWN = {"conv1": [64, 120, 84, 4], "conv2": [120, 84, 4], "relu3": [84, 4], "relu4": [4]}
"""Numbers that are shared in each round, for images of 16 by 16 pixels."""


@pytest.fixture
def shared(model: SplitModel, train: ImageSet) -> SharedModel:
    return SecretSharing().protect(model, train)


@pytest.mark.parametrize("split", UP)
def test_logits_rounds_and_bytes_are_those_of_the_network(
    split: str, target: Target, train: ImageSet, private: ImageSet
) -> None:
    model = target.split(split)
    protected, images = SecretSharing().protect(model, train), private.images[:20]
    torch.testing.assert_close(protected.answer(protected.send(images)), model.logits(images), atol=2**-10, rtol=0)
    torch.testing.assert_close(protected.classify(images[:1]), model.logits(images[:1]), atol=2**-10, rtol=0)
    costs = measure_costs(protected, images[:1])
    assert costs.rounds == len(UP[split])
    assert costs.wire_bytes == 16 * sum(UP[split])
    assert costs.bytes_down == 16 * sum(DOWN[split])
    assert costs.server_ms > 0


def observation(protected: SplitModel, private: ImageSet, aux: ImageSet) -> Observation:
    return Observation(
        wire=protected.overheard(private.images),
        aux=aux,
        classes=4,
        channel=protected.ir_channel,
        query=protected.overheard,
    )


@pytest.mark.slow
def test_an_attack_on_one_share_ends_at_the_mean_image_and_on_both_at_the_undefended_score(
    target: Target, train: ImageSet, private: ImageSet
) -> None:
    model = target.split("pool1").copy()
    few, aux = private[:96], train[:300]
    clear = Observation(wire=model.send(few.images), aux=aux, classes=4, channel=model.ir_channel, query=model.send)
    reached = [
        psnr(Ridge().reconstruct(observation(SecretSharing(collude=both).protect(model, train), few, aux)), few.images)
        for both in (False, True)
    ]
    mean = psnr(MeanImage().reconstruct(clear), few.images).mean().item()
    undefended = psnr(Ridge().reconstruct(clear), few.images).mean().item()
    assert mean - 1 < reached[0].mean().item() < mean + 0.1
    assert reached[1].mean().item() == pytest.approx(undefended, abs=0.05)
    assert undefended > mean + 2


def test_both_shares_are_queried_as_often_as_the_ir_itself(
    model: SplitModel, train: ImageSet, private: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_queries, "MAX_ENCRYPTED_QUERIES", 10)
    few, aux = private[:3], train[:20]

    asked = [
        len(Queries(observation(SecretSharing(collude=both).protect(model, train), few, aux), aux.images))
        for both in (False, True)
    ]

    assert asked == [10, 20]


def test_colluding_servers_read_the_ir(model: SplitModel, train: ImageSet, private: ImageSet) -> None:
    protected = SecretSharing(collude=True).protect(model, train)
    read = protected.ir_channel.read(protected.overheard(private.images[:5]))
    with torch.no_grad():
        torch.testing.assert_close(read, protected.client(private.images[:5]), atol=2**-17, rtol=0)
    assert protected.promise.guarantee.startswith("none: both servers collude")


def test_no_server_is_sent_the_share_of_the_other_and_nothing_is_written(
    model: SplitModel, train: ImageSet, private: ImageSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sent: dict[int, list[bytes]] = {}
    send = frames.send

    def listening(connection, header, blobs=()):
        sent.setdefault(id(connection), []).extend(blobs)
        send(connection, header, blobs)

    monkeypatch.setattr(frames, "send", listening)
    monkeypatch.chdir(tmp_path)
    protected = SecretSharing().protect(model, train)
    wire = protected.send(private.images[:1])
    protected.exchange(wire)
    first, second = unpack(wire.payload, protected.session.shape)
    one, other = sent.values()
    assert first.tobytes() in one
    assert second.tobytes() in other
    assert first.tobytes() not in other
    assert second.tobytes() not in one
    weights = {blob for each in protected.session.rounds for blob in packed(each.layers)[1]}
    assert set(one) & set(other) == weights
    assert list(tmp_path.iterdir()) == []


def test_the_servers_are_two_other_processes(shared: SharedModel) -> None:
    numbers = {server._process.pid for server in shared.session.servers}
    assert len(numbers | {os.getpid()}) == 3


def test_a_server_that_has_died_is_named(shared: SharedModel, private: ImageSet) -> None:
    process = shared.session.servers[1]._process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(ServerError, match=r"^The second server process has ended \(exit code -9\)\.$"):
        shared.classify(private.images[:2])


def test_shares_that_do_not_belong_together_are_refused(shared: SharedModel, private: ImageSet) -> None:
    first, _ = unpack(shared.send(private.images[:1]).payload, shared.session.shape)
    _, second = unpack(shared.send(private.images[:1]).payload, shared.session.shape)
    wire = shared.send(private.images[:1])
    with pytest.raises(ServerError, match=r"Expected two shares of a value of at most .* They do not belong together"):
        shared.exchange(type(wire)(pack(first, second), wire.view))


def test_a_server_that_replies_with_another_share_is_noticed(
    shared: SharedModel, private: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = type(shared.session.servers[0]).finish

    def wrong(server, shape):
        reply, seconds = finish(server, shape)
        return (reply + reply[::-1] if server.name == "second server" else reply), seconds

    monkeypatch.setattr(type(shared.session.servers[0]), "finish", wrong)
    with pytest.raises(ServerError, match=r"round 1, got .*A server has replied with the share of another value\.$"):
        shared.classify(private.images[:2])


def test_a_share_of_another_size_is_refused_and_the_servers_stay(shared: SharedModel, private: ImageSet) -> None:
    server = shared.session.servers[0]
    server.post({"do": "evaluate", "round": 0, "shape": (1, 9)}, {"share": bytes(8)})
    with pytest.raises(
        ServerError, match=r"The first server refuses the message\. Expected shares of 9 numbers, got 8"
    ):
        server.collect()
    assert shared.classify(private.images[:2]).shape == (2, 4)


def test_an_image_whose_ir_exhausts_the_ring_is_refused(shared: SharedModel, private: ImageSet) -> None:
    with pytest.raises(PrecisionError, match=r"with 16 fractional bits, got .*Lower fraction_bits\."):
        shared.send(1e12 * private.images[:1])


@pytest.mark.parametrize(
    ("defense", "words"),
    [
        (SecretSharing(fraction_bits=28), r"exhaust the ring\. .*Lower fraction_bits"),
        (SecretSharing(fraction_bits=1), "too coarse. Raise fraction_bits"),
        (SecretSharing(budget_s=1e-6), "enough for 0 images. Raise budget_s"),
        (SecretSharing(accuracy_images=10**9), "Expected to classify 1000000000 images"),
    ],
)
def test_what_cannot_be_computed_is_refused_in_a_sentence(
    defense: Defense, words: str, target: Target, train: ImageSet
) -> None:
    model = target.split("relu2").copy()
    if "exhaust" in words:
        model = replace(model, server=nn.Sequential(nn.Conv2d(16, 16, 1), nn.BatchNorm2d(16), model.server).eval())
    with pytest.raises(Inapplicable, match=words):
        defense.protect(model, train)


def test_more_fractional_bits_are_more_exact(
    target: Target, train: ImageSet, private: ImageSet, errors: Callable[[int], float]
) -> None:
    assert errors(8) > 50 * errors(16)


@pytest.fixture
def errors(target: Target, train: ImageSet, private: ImageSet) -> Callable[[int], float]:
    model = target.split("relu3")

    def largest(bits: int) -> float:
        protected = SecretSharing(fraction_bits=bits).protect(model, train)
        return (protected.classify(private.images[:9]) - model.logits(private.images[:9])).abs().max().item()

    return largest


def test_details_compare_with_the_network_in_the_clear(shared: SharedModel, private: ImageSet) -> None:
    images, labels = private.images[:30], private.labels[:30]
    found = shared.details(images, labels, shared.classify(images))
    assert found["argmax_agreement"] == 1
    assert found["largest_logit_error"] < 2**-10


def test_a_layer_that_occurs_twice_is_computed_twice(train: ImageSet, private: ImageSet) -> None:
    torch.manual_seed(0)
    relu = nn.ReLU()
    body = nn.Sequential(nn.Linear(256, 16), relu, nn.Linear(16, 16), relu)
    model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(body, nn.Linear(16, 4)))

    protected = SecretSharing().protect(model.copy(), train)

    torch.testing.assert_close(
        protected.classify(private.images[:8]), model.logits(private.images[:8]), atol=2**-9, rtol=0
    )


def test_layers_inside_of_others_keep_their_names(train: ImageSet, private: ImageSet) -> None:
    inner = nn.Sequential(OrderedDict(b=nn.Linear(8, 6), relu=nn.ReLU()))
    server = nn.Sequential(OrderedDict(a=inner, a_b=nn.Linear(6, 4)))
    model = SplitModel(client=nn.Sequential(nn.Flatten(), nn.Linear(256, 8)), server=server)

    protected = SecretSharing().protect(model, train)

    torch.testing.assert_close(protected.classify(private.images), model.classify(private.images), atol=1e-3, rtol=1e-3)
    assert [each.names for each in protected.session.rounds] == [("a/b",), ("a_b",)]


@pytest.mark.parametrize("norm", [nn.LayerNorm(8), FrozenBatchNorm2d(8)])
def test_a_layer_that_servers_cannot_compute_is_called_by_its_path(norm: nn.Module, train: ImageSet) -> None:
    inner = nn.Sequential(OrderedDict(norm=norm, fc=nn.Linear(8, 4)))
    model = SplitModel(
        client=nn.Sequential(nn.Flatten(), nn.Linear(256, 8)), server=nn.Sequential(OrderedDict(head=inner))
    )

    with pytest.raises(Inapplicable, match=r"The layer 'head\.norm' \(\w+\) cannot be computed on shares"):
        SecretSharing().protect(model, train)
