"""The encrypted, ordered channel."""

import copy
import hashlib
import hmac
import io
import threading

import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from mia_bench.defenses._enclave.channel_errors import (
    ChannelError,
    Reordered,
    Replayed,
    Tampered,
    WrongKey,
    WrongLength,
)
from mia_bench.defenses._enclave.sealed_channel import HEADER_BYTES, TAG_BYTES, Lengths, Opener, Sealer, agree

LENGTHS = Lengths(up=1000, down=40)


def ends(private=None, other=None, salt=b"salt", info=b"info"):
    """The client's and the enclave's session."""
    private, other = private or X25519PrivateKey.generate(), other or X25519PrivateKey.generate()
    mine, theirs = (key.public_key().public_bytes_raw() for key in (private, other))
    client = agree(private, theirs, salt=salt, info=info, lengths=LENGTHS, client=True)
    return client, agree(other, mine, salt=salt, info=info, lengths=LENGTHS, client=False)


def flipped(message, bit):
    changed = bytearray(message)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_what_one_end_seals_the_other_opens_in_both_directions():
    client, enclave = ends()
    assert enclave.incoming.open(client.outgoing.seal(b"an IR")) == b"an IR"
    assert client.incoming.open(enclave.outgoing.seal(b"logits")) == b"logits"


@pytest.mark.parametrize("payload", [b"", b"\0", b"\0" * 1000, b"x" * 1000])
def test_payloads_of_any_length_come_back_and_all_messages_have_one_length(payload):
    client, enclave = ends()
    message = client.outgoing.seal(payload)
    assert enclave.incoming.open(message) == payload
    assert len(message) == HEADER_BYTES + 1024 + TAG_BYTES


def test_a_payload_that_is_too_long_is_an_error():
    with pytest.raises(ValueError, match="at most 1000 bytes, got 1001"):
        ends()[0].outgoing.seal(b"x" * 1001)


def test_the_keys_and_the_cipher_are_those_of_the_standards():
    private, other = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    client, _ = ends(private, other, salt=b"a nonce", info=b"a transcript")
    extracted = hmac.digest(b"a nonce", private.exchange(other.public_key()), hashlib.sha256)  # RFC 5869
    derived, block = b"", b""
    for index in range(1, 4):
        block = hmac.digest(extracted, block + b"a transcript" + bytes([index]), hashlib.sha256)
        derived += block
    message = client.outgoing.seal(b"an IR")
    nonce = derived[32:36] + (1).to_bytes(8, "big")
    assert message[:HEADER_BYTES] == nonce
    plain = AESGCM(derived[:32]).decrypt(nonce, message[HEADER_BYTES:], nonce)
    assert plain == (5).to_bytes(4, "big") + b"an IR" + bytes(1024 - 9)


def test_a_replayed_message_is_refused():
    client, enclave = ends()
    messages = [client.outgoing.seal(b"an IR") for _ in range(3)]
    for message in messages:
        enclave.incoming.open(message)
    for count, message in enumerate(messages, 1):
        with pytest.raises(Replayed, match=f"Message {count} was accepted before"):
            enclave.incoming.open(message)


def test_a_late_message_is_refused_and_lost_ones_are_not_waited_for():
    client, enclave = ends()
    first, _, third, fourth = (client.outgoing.seal(bytes([index])) for index in range(4))
    enclave.incoming.open(third)
    with pytest.raises(Reordered, match="Message 1 arrived after message 3"):
        enclave.incoming.open(first)
    with pytest.raises(Replayed):
        enclave.incoming.open(third)
    assert enclave.incoming.open(fourth) == bytes([3])


@pytest.mark.parametrize("change", [lambda m: m[:-1], lambda m: m[:HEADER_BYTES], lambda m: b"", lambda m: m + b"\0"])
def test_a_truncated_or_extended_message_is_refused(change):
    client, enclave = ends()
    message = change(client.outgoing.seal(b"an IR"))
    with pytest.raises(WrongLength, match=f"message of 1052 bytes in this session, got {len(message)}"):
        enclave.incoming.open(message)


def test_every_flipped_bit_is_refused_and_does_no_harm():
    client, enclave = ends()
    message = client.outgoing.seal(b"an IR")
    for bit in range(8 * len(message)):
        with pytest.raises(WrongKey if bit < 32 else Tampered):
            enclave.incoming.open(flipped(message, bit))
    assert enclave.incoming.open(message) == b"an IR"


def test_a_forged_count_is_refused():
    client, enclave = ends()
    first, second = client.outgoing.seal(b"first"), client.outgoing.seal(b"second")
    with pytest.raises(Tampered, match="not authentic"):
        enclave.incoming.open(second[:HEADER_BYTES] + first[HEADER_BYTES:])


def test_a_message_of_another_session_is_refused():
    with pytest.raises(WrongKey, match=r"a message under key [0-9a-f]{8}, got [0-9a-f]{8}"):
        ends()[1].incoming.open(ends()[0].outgoing.seal(b"an IR"))


def test_a_message_does_not_return_to_its_sender():
    client, _ = ends()
    with pytest.raises(ChannelError):
        client.incoming.open(client.outgoing.seal(b"an IR"))


def test_a_wrong_key_of_the_right_name_is_refused():
    sealer, opener = Sealer(b"a" * 32, b"name", 40), Opener(b"b" * 32, b"name", 40)
    with pytest.raises(Tampered):
        opener.open(sealer.seal(b"an IR"))


@pytest.mark.parametrize("different", [{"salt": b"other"}, {"info": b"other"}])
def test_ends_that_saw_different_handshakes_share_no_key(different):
    private, other = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    client, enclave = ends(private, other)[0], ends(private, other, **different)[1]
    with pytest.raises(WrongKey):
        enclave.incoming.open(client.outgoing.seal(b"an IR"))


@pytest.mark.parametrize("peer", [bytes(32), (1).to_bytes(32, "little"), b"short"])
def test_a_public_key_that_is_none_is_refused(peer):
    with pytest.raises(WrongKey, match="not a valid X25519 key"):
        agree(X25519PrivateKey.generate(), peer, salt=b"", info=b"", lengths=LENGTHS, client=True)


def test_nonces_repeat_neither_across_copies_nor_threads_nor_sessions():
    pair = ends()
    copies = [*pair, copy.copy(pair[0]), copy.deepcopy(pair[0]), copy.deepcopy(pair)[1], *ends()]
    messages: list[bytes] = []

    def work():
        for _ in range(200):
            messages.extend(session.outgoing.seal(b"") for session in copies)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({message[:HEADER_BYTES] for message in messages}) == len(messages) == 4 * 200 * 7


def test_a_forked_process_does_not_seal_with_the_nonces_of_its_parent(monkeypatch):
    client, _ = ends()
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="A forked process cannot seal"):
        client.outgoing.seal(b"an IR")


def test_nothing_that_holds_a_key_can_be_pickled():
    for part in ends()[0]:
        with pytest.raises(TypeError, match="hold keys and cannot be pickled"):
            torch.save(part, io.BytesIO())


def test_no_key_is_printed():
    key = b"\x13" * 32
    assert "13" * 4 not in repr(Sealer(key, b"name", 40)).lower()
    assert not any(isinstance(value, bytes) and len(value) == 32 for value in vars(ends()[0].outgoing).values())
