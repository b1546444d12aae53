"""What a client checks before it trusts an enclave."""

import copy
from dataclasses import replace

import pytest
import torch
from mia_bench.defenses._enclave.attestation import SimulatedDevice, measure
from mia_bench.defenses._enclave.channel_errors import (
    ChannelError,
    WrongKey,
    WrongMeasurement,
    WrongNonce,
    WrongSignature,
)
from mia_bench.defenses._enclave.enclave import (
    NONCE_BYTES,
    Enclave,
    connect,
    measure_program,
    payload_lengths,
    transcript,
)
from mia_bench.defenses._enclave.float_bytes import float_bytes
from torch import nn

TAKES, GIVES = torch.Size([6]), torch.Size([3])


LOOKALIKE = type("ReLU", (nn.ReLU,), {"forward": lambda self, value: value})


def layers():
    return nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.25), nn.Linear(4, 3))


def enclave_of(inside, device, *, releases=False):
    return Enclave(inside, takes=TAKES, gives=GIVES, releases=releases, device=device)


def join(other, device, inside, *, releases=False):
    """Connect as a client who trusts the device and expects these layers."""
    expected = measure_program(inside, takes=TAKES, gives=GIVES, releases=releases)
    return connect(other, device=device.public, measurement=expected, lengths=payload_lengths(TAKES, GIVES))


class Between:
    """An untrusted host between client and enclave, which changes what passes."""

    def __init__(self, enclave, *, request=lambda nonce, peer: (nonce, peer), quote=lambda quote: quote):
        self.enclave, self.request, self.quote = enclave, request, quote

    def attest(self, nonce, peer):
        return self.quote(self.enclave.attest(*self.request(nonce, peer)))


@pytest.fixture
def inside():
    return layers().eval()


@pytest.fixture
def device():
    return SimulatedDevice()


def test_a_client_of_the_expected_enclave_gets_the_answers_of_its_layers(inside, device):
    enclave = enclave_of(inside, device)
    session = join(Between(enclave), device, inside)
    value = torch.randn(6)
    (reply,) = enclave.run([session.outgoing.seal(float_bytes(value))])
    answer = torch.frombuffer(bytearray(session.incoming.open(reply)), dtype=torch.float32)
    torch.testing.assert_close(answer, inside(value.unsqueeze(0)).detach()[0])


def test_other_weights_are_refused(inside, device):
    changed = copy.deepcopy(inside)
    with torch.no_grad():
        changed[0].weight[0, 0] += 1e-6
    with pytest.raises(WrongMeasurement, match=r"with the measurement [0-9a-f]{16}\.\.\., got [0-9a-f]{16}"):
        join(enclave_of(changed, device), device, inside)


def test_an_enclave_that_would_release_the_results_is_refused(inside, device):
    with pytest.raises(WrongMeasurement):
        join(enclave_of(inside, device, releases=True), device, inside)


def test_an_enclave_on_another_device_is_refused(inside, device):
    with pytest.raises(WrongSignature, match="signed by the trusted device, got another"):
        join(enclave_of(inside, SimulatedDevice()), device, inside)


@pytest.mark.parametrize("part", ["measurement", "nonce", "public", "signature"])
def test_a_quote_with_a_flipped_bit_is_refused(part, inside, device):
    def flip(quote):
        value = getattr(quote, part)
        return replace(quote, **{part: bytes([value[0] ^ 1]) + value[1:]})

    with pytest.raises(WrongSignature):
        join(Between(enclave_of(inside, device), quote=flip), device, inside)


def test_a_quote_of_an_earlier_session_is_refused(inside, device):
    enclave, seen = enclave_of(inside, device), []
    join(Between(enclave, quote=lambda quote: seen.append(quote) or quote), device, inside)
    with pytest.raises(WrongNonce, match="it answers another request"):
        join(Between(enclave, quote=lambda quote: seen[0]), device, inside)


def test_a_host_that_puts_its_own_key_into_the_request_reads_and_forges_nothing(inside, device):
    host = SimulatedDevice()  # any other 32 bytes do
    enclave = enclave_of(inside, device)
    session = join(Between(enclave, request=lambda nonce, peer: (nonce, host.public)), device, inside)
    with pytest.raises(WrongKey):
        enclave.run([session.outgoing.seal(bytes(24))])


def test_an_enclave_without_a_session_refuses_messages(inside, device):
    with pytest.raises(ChannelError, match="The enclave has no session"):
        enclave_of(inside, device).run([bytes(300)])


def test_a_new_session_ends_the_one_before(inside, device):
    enclave = enclave_of(inside, device)
    old, new = join(enclave, device, inside), join(enclave, device, inside)
    with pytest.raises(WrongKey):
        enclave.run([old.outgoing.seal(bytes(24))])
    assert len(enclave.run([new.outgoing.seal(bytes(24))])) == 1


def test_the_enclave_keeps_the_weights_that_were_measured(inside, device):
    enclave, value = enclave_of(inside, device, releases=True), float_bytes(torch.randn(6))
    session = join(enclave, device, inside, releases=True)
    before = enclave.run([session.outgoing.seal(value)])
    with torch.no_grad():
        inside[0].weight.zero_()
    assert enclave.run([session.outgoing.seal(value)]) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net[1].running_mean.add_(1),
        lambda net: net[1].num_batches_tracked.add_(1),
        lambda net: net[4].bias.neg_(),
        lambda net: net.__setitem__(2, nn.GELU()),
        lambda net: net.__setitem__(3, nn.Dropout(0.5)),
        lambda net: net.__setitem__(2, LOOKALIKE()),
        lambda net: net.append(nn.Identity()),
        lambda net: net[0].double(),
    ],
)
def test_every_weight_and_layer_is_measured(change, inside):
    same, other = copy.deepcopy(inside), copy.deepcopy(inside)
    with torch.no_grad():
        change(other)
    assert measure(inside, interface="") == measure(same, interface="")
    assert measure(inside, interface="") != measure(other, interface="")


def test_the_measurement_names_what_goes_in_and_out(inside):
    def of(takes=TAKES, gives=GIVES, releases=False):
        return measure_program(inside, takes=takes, gives=gives, releases=releases)

    assert len({of(), of(takes=torch.Size([2, 3])), of(gives=torch.Size([4])), of(releases=True)}) == 4


def test_the_keys_depend_on_the_measurement_and_on_both_public_keys():
    parts = [bytes([index]) * NONCE_BYTES for index in range(3)]
    seen = {transcript(first, client=second, enclave=third) for first in parts for second in parts for third in parts}
    assert len(seen) == 27
