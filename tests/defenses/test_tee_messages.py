"""The messages between the device and the simulated enclave: sealed, answered once, and never mixed up."""

import copy
import io
from dataclasses import replace

import pytest
import torch
from mia_bench.benchmark.interfaces import Wire, byte_view
from mia_bench.defenses._enclave.channel_errors import (
    ChannelError,
    Reordered,
    Replayed,
    Tampered,
    WrongKey,
    WrongLength,
)
from mia_bench.defenses.tee import Tee

HEADER_BYTES = 12


def messages(model, images):
    return model.send(images).payload


def test_messages_have_one_length_and_show_nothing_of_the_ir(model, train, private):
    protected = Tee().protect(model, train)
    sent = messages(protected, private.images)
    clear = model.send(private.images).tensor.flatten(1)
    assert {len(message) for message in sent} == {12 + 16 + 256 * (4 * clear.shape[1] // 256 + 1)}
    numbers = byte_view(tuple(message[HEADER_BYTES:] for message in sent))
    assert numbers.std().item() == pytest.approx(12**-0.5, rel=0.01)  # uniform
    columns = [numbers[:, :400].T, clear[:, :400].T]
    assert torch.corrcoef(torch.cat(columns).nan_to_num())[:400, 400:].nan_to_num().abs().max() < 0.3  # 512 images


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
