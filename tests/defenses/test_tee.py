"""The simulated enclave."""

import copy
import io
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from mia_bench.attacks.auto_query_free import AutoQueryFree
from mia_bench.attacks.black_box import BlackBox
from mia_bench.attacks.encoder_decoder import EncoderDecoder
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.attacks.query_free import QueryFree
from mia_bench.attacks.ridge import Ridge
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark.errors import Inapplicable, UsageError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.usefulness import Answers
from mia_bench.benchmark.interfaces import ImageSet, Observation, Pools, Wire, byte_view
from mia_bench.benchmark.metrics import psnr
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.benchmark.registry.specs import expand_sweeps
from mia_bench.benchmark.training import untrained_copy
from mia_bench.benchmark.utils.seeding import seeded
from mia_bench.defenses._enclave.channel_errors import (
    ChannelError,
    Reordered,
    Replayed,
    Tampered,
    WrongKey,
    WrongLength,
)
from mia_bench.defenses.tee import Tee
from torch import nn
from torch.nn import functional

HEADER_BYTES = 12


class Anything(SimpleNamespace):
    """Stands for what the test does not need."""

    __hash__ = object.__hash__


def messages(model, images):
    return model.send(images).payload


def soft_images(count):
    """Random images (N, 1, 16, 16) without fine detail."""
    coarse = torch.rand(count, 1, 4, 4)
    images = functional.interpolate(coarse, (16, 16), mode="bicubic", align_corners=True).clamp(0, 1)
    return ImageSet(images, torch.zeros(count, dtype=torch.int64))


def leak(model, attack, *, view=None, private=64):
    """How many dB an attack gains on ``mean_image``, against soft images."""
    with seeded("leak"):
        victims, aux = soft_images(private), soft_images(600)
        wire = model.overheard(victims.images)

        def query(images):
            sent = model.overheard(images)
            return sent if view is None else replace(sent, view=view)

        seen = Observation(
            wire=wire if view is None else replace(wire, view=view),
            aux=aux,
            classes=4,
            channel=model.ir_channel,
            query=query,
            client=model.client,
        )
        attacked, reference = attack.reconstruct(seen), MeanImage().reconstruct(seen)
    return (psnr(attacked, victims.images) - psnr(reference, victims.images)).mean().item()


@pytest.mark.parametrize("parameters", [{}, {"exit": "pool1"}, {"exit": "relu3"}, {"exit": "fc3"}])
def test_the_answers_are_those_of_the_undefended_model(parameters, model, target, train, private):
    protected = Tee(**parameters).protect(model, train)
    expected = target(private.images)
    torch.testing.assert_close(protected.classify(private.images), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(protected.logits(private.images), expected)
    assert torch.equal(protected.classify(private.images[:3]).argmax(1), expected[:3].argmax(1))


@pytest.mark.parametrize("split", ["conv1", "fc2", "fc3"])
def test_it_works_at_every_kind_of_split(split, target, train, private):
    protected = Tee().protect(target.split(split), train)
    torch.testing.assert_close(protected.classify(private.images), target(private.images), rtol=1e-5, atol=1e-5)


def test_the_guarantee_says_that_the_enclave_is_simulated_and_where_the_ir_leaves(model, train):
    assert Tee.guarantee == "AES-256-GCM, simulated enclave"
    assert Tee().protect(model, train).promise.guarantee == "AES-256-GCM, simulated enclave"
    assert (
        Tee(exit="relu3").protect(model, train).promise.guarantee
        == "AES-256-GCM, simulated enclave up to relu3; the IR there leaves in the clear"
    )


def test_messages_have_one_length_and_show_nothing_of_the_ir(model, train, private):
    protected = Tee().protect(model, train)
    sent = messages(protected, private.images)
    clear = model.send(private.images).tensor.flatten(1)
    assert {len(message) for message in sent} == {12 + 16 + 256 * (4 * clear.shape[1] // 256 + 1)}
    numbers = byte_view(tuple(message[HEADER_BYTES:] for message in sent))
    assert numbers.std().item() == pytest.approx(12**-0.5, rel=0.01)  # uniform
    columns = [numbers[:, :400].T, clear[:, :400].T]
    assert torch.corrcoef(torch.cat(columns).nan_to_num())[:400, 400:].nan_to_num().abs().max() < 0.3  # 512 images


def test_the_attacker_sees_the_sealed_messages_or_the_ir_at_the_exit(model, target, train, private):
    sealed, opened = (Tee(exit=layer).protect(model, train) for layer in (None, "relu3"))
    assert isinstance(sealed.overheard(private.images).payload, tuple)
    clear = target.split("relu3").send(private.images).tensor
    torch.testing.assert_close(opened.overheard(private.images).payload, clear)
    torch.testing.assert_close(opened.client(private.images), clear)
    assert isinstance(opened.send(private.images).payload, tuple)


@pytest.mark.parametrize("layer", [None, "relu3"])
def test_the_benchmark_hands_attacks_what_they_see_at_the_exit(layer, target, train, private):
    bench = Artifacts(device=torch.device("cpu"), data_dir=None)
    bench.data.pools = lambda dataset: Pools(train, train, private, ("a", "b", "c", "d"))
    bench.targets.get = lambda *whole: target
    bench.targets.pools = lambda *whole: bench.data.pools(0)
    bench.targets.answers = lambda *whole: Answers(target, private, classes=True)
    tee = Anything(component=Tee(exit=layer), name="tee")
    setting = Anything(dataset=0, model=0, seed=0, split="relu1", defense=tee, identity={"of": layer}, images=8)
    images = bench.originals(setting)
    white, free = bench.observe(setting, WhiteBox()), bench.observe(setting, QueryFree())
    clear = target.split(layer or "relu1").send(images).tensor
    if layer is None:
        assert {len(message) for message in white.wire.payload} == {len(white.query(images[:1]).payload[0])}
    else:
        torch.testing.assert_close(white.wire.payload, clear)
        torch.testing.assert_close(white.query(images).payload, clear)
    torch.testing.assert_close(white.client(images), clear)
    torch.testing.assert_close(free.server(clear), target(images))
    assert free.structure()(images).shape == clear.shape
    assert free.channel.read(free.wire).shape == clear.shape


def test_the_device_pays_for_its_own_layers_and_sends_sealed_bytes(model, train, private):
    before = measure_costs(model, private.images[:1])
    for layer in (None, "pool1", "fc2"):
        protected = Tee(exit=layer).protect(model, train)
        costs = measure_costs(protected, private.images[:1])
        assert (costs.client_macs, costs.client_params) == (before.client_macs, before.client_params)
        assert costs.wire_bytes == len(messages(protected, private.images[:1])[0]) > before.wire_bytes
        assert costs.client_ms > 0
        assert costs.server_ms > 0
        assert costs.bytes_down == (12 + 256 + 16 if layer is None else 16)


def test_the_measured_time_of_the_device_does_not_hold_that_of_the_enclave(model, train, private):
    protected = Tee(exit="relu3").protect(model, train)
    slow = replace(protected, enclave=Slow(protected.enclave))
    costs = measure_costs(slow, private.images[:1])
    assert costs.server_ms > 50 > costs.client_ms


class Slow:
    def __init__(self, enclave):
        self.enclave = enclave

    def run(self, sent):
        time.sleep(0.05)
        return self.enclave.run(sent)


FAULTS = {
    "replayed": (lambda sent: (sent[0], sent[0]), Replayed),
    "reordered": (lambda sent: (sent[1], sent[0]), Reordered),
    "truncated": (lambda sent: (sent[0][:-1],), WrongLength),
    "bit flipped": (lambda sent: (sent[0][:40] + bytes([sent[0][40] ^ 4]) + sent[0][41:],), Tampered),
    "tag flipped": (lambda sent: (sent[0][:-1] + bytes([sent[0][-1] ^ 128]),), Tampered),
}


@pytest.mark.parametrize("layer", [None, "relu3"])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_enclave_refuses_a_message_that_is_not_the_next(fault, layer, model, train, private):
    protected = Tee(exit=layer).protect(model, train)
    change, error = FAULTS[fault]
    with pytest.raises(error):
        protected.answer(Wire(change(messages(protected, private.images[:2]))))
    assert protected.classify(private.images[:2]).shape == (2, 4)


def test_a_wire_is_answered_once(model, train, private):
    protected = Tee().protect(model, train)
    wire = protected.send(private.images[:2])
    protected.answer(wire)
    with pytest.raises(Replayed, match="Message 1 was accepted before"):
        protected.answer(wire)


def test_the_device_refuses_answers_that_were_tampered_with_or_replayed(model, train, private):
    class Lying:
        def __init__(self, enclave, change):
            self.enclave, self.change = enclave, change

        def run(self, sent):
            return self.change(self.enclave.run(sent))

    protected = Tee().protect(model, train)
    for change, error in FAULTS.values():
        lying = replace(protected, enclave=Lying(protected.enclave, change))
        with pytest.raises(error):
            lying.classify(private.images[:2])


def test_messages_for_another_enclave_are_refused(model, train, private):
    one, other = (Tee().protect(model, train) for _ in range(2))
    with pytest.raises(WrongKey):
        other.answer(one.send(private.images[:1]))


def test_queries_that_nobody_answers_do_not_block_the_channel(model, train, private):
    protected = Tee().protect(model, train)
    late = protected.send(private.images[:2])
    for _ in range(3):
        protected.send(private.images[:2])
    assert protected.classify(private.images[:2]).shape == (2, 4)
    with pytest.raises(ChannelError):
        protected.answer(late)


def test_copies_of_a_model_never_repeat_a_nonce(model, train, private):
    protected = Tee().protect(model, train)
    models = [protected, protected.copy(), copy.deepcopy(protected), protected.copy().copy(), replace(protected)]
    sent = [message for each in 3 * models for message in messages(each, private.images[:5])]
    assert len({message[:HEADER_BYTES] for message in sent}) == len(sent) == 75


def test_no_key_is_among_the_weights_or_in_print_and_the_session_cannot_be_pickled(model, train):
    protected = Tee().protect(model, train)
    assert protected.modules().state_dict().keys() - model.modules().state_dict().keys() == {"3.mean", "3.std"}
    assert "key" not in repr(protected).lower()
    for part in (protected, protected.enclave, protected.session):
        with pytest.raises(TypeError, match="hold keys and cannot be pickled"):
            torch.save(part, io.BytesIO())


def test_the_layers_in_the_enclave_are_not_those_that_the_host_holds(model, train, private):
    protected = Tee().protect(model, train)
    expected = protected.classify(private.images[:4])
    for weight in protected.server.parameters():
        nn.init.zeros_(weight)
    torch.testing.assert_close(protected.classify(private.images[:4]), expected)


def test_an_unknown_exit_is_an_error_that_lists_the_layers(model, train):
    with pytest.raises(UsageError, match=r"Unknown layer 'conv9' .* the layers: conv1, relu1, pool1, .*fc3.$"):
        Tee(exit="conv9").protect(model, train)


@pytest.mark.parametrize("layer", ["conv1", "relu1"])
def test_an_exit_on_the_device_is_inapplicable(layer, model, train):
    with pytest.raises(Inapplicable, match=f"after the split 'relu1' in exit, got '{layer}'.* Available: pool1, "):
        Tee(exit=layer).protect(model, train)


def test_a_sweep_over_exits_may_hold_none():
    chosen = expand_sweeps("defenses", ["tee"], {"exit": ["none", "relu3", "fc1"]})
    assert [each.canonical for each in chosen] == ["tee", "tee:exit=relu3", "tee:exit=fc1"]


@pytest.mark.parametrize(
    "attack",
    [Ridge(), EncoderDecoder(steps=100), BlackBox(steps=60), WhiteBox(iterations=40)],
    ids=lambda a: type(a).__name__,
)
@pytest.mark.parametrize("view", [None, byte_view], ids=["without header", "with header"])
def test_sealed_messages_leak_nothing(attack, view, model, train):
    assert leak(Tee().protect(model, train), attack, view=view) < 0.3


def test_an_attacker_who_imitates_the_client_attacks_sealed_messages_in_vain(model, train):
    with seeded("shadow"):
        victims, protected = soft_images(16), Tee().protect(model, train)
        seen = Observation(
            wire=protected.overheard(victims.images),
            aux=soft_images(200),
            classes=4,
            channel=protected.ir_channel,
            server=protected.server,
            structure=lambda: untrained_copy(protected.client),
        )
        rebuilt = AutoQueryFree(restarts=1, epochs=1, steps=5).reconstruct(seen)
        reference = MeanImage().reconstruct(seen)
    assert (psnr(rebuilt.images, victims.images) - psnr(reference, victims.images)).mean().item() < 0.3


def test_chosen_images_rebuild_the_private_ones_from_the_ir_that_leaves_and_less_from_a_deeper_one(model, train):
    """The attack of Benkraouda & Nahrstedt, DistributedML 2021, on partitioned enclave execution."""
    attack = EncoderDecoder(epochs=8, channels=8)
    early, late = (leak(Tee(exit=layer).protect(model, train), attack) for layer in ("pool1", "relu4"))
    assert early > late + 4
    assert early > 8


def test_the_white_box_attacker_inverts_device_and_enclave_together(model, train):
    assert leak(Tee(exit="pool1").protect(model, train), WhiteBox(iterations=60)) > 10
