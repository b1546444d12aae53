"""Homomorphic encryption as a defense."""

import copy
from dataclasses import replace

import pytest
import torch
from mia_bench.attacks.encoder_decoder import EncoderDecoder
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.attacks.ridge import Ridge
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark.errors import Inapplicable, UsageError
from mia_bench.benchmark.interfaces import Access, Observation, Wire
from mia_bench.benchmark.metrics import accuracy, costs, psnr
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.benchmark.training import tune
from mia_bench.defenses._ckks.client import CkksClient, DecryptionError
from mia_bench.defenses._ckks.server import ServerError
from mia_bench.defenses.ckks import Ckks
from pydantic import ValidationError
from torch import nn
from torch.nn import functional


@pytest.fixture
def late(target):
    """Cut where one matrix is left: the cheapest encryption."""
    return target.split("relu4").copy()


@pytest.fixture
def middle(target):
    """Cut where a square and two matrices are left."""
    return target.split("relu3").copy()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["oneshot", "interactive"])
def test_decrypted_logits_are_those_of_the_network_it_evaluates(mode, middle, train, private):
    protected = Ckks(mode=mode).protect(middle, train)
    images = private.images[:40]
    clear = protected.logits(images)
    torch.testing.assert_close(protected.classify(images), clear, atol=2e-2, rtol=0)
    torch.testing.assert_close(protected.answer(protected.send(images[:3])), clear[:3], atol=2e-2, rtol=0)


def test_interactive_keeps_the_exact_network(middle, train, private):
    protected = Ckks(mode="interactive").protect(middle, train)
    torch.testing.assert_close(protected.logits(private.images), middle.logits(private.images))
    assert "client-aided" in protected.promise.guarantee


def test_the_polynomial_network_is_nearly_as_accurate_and_leaves_the_client_alone(middle, train, private):
    protected = Ckks().protect(middle, train)
    original = accuracy(middle.logits(private.images), private.labels)
    assert accuracy(protected.logits(private.images), private.labels) > original - 0.02
    for name, weight in middle.client.state_dict().items():
        assert torch.equal(protected.client.state_dict()[name], weight)


def test_tuning_mends_what_the_quadratics_break(target, train, private):
    early = target.split("relu1").copy()
    images, labels = private.images[:200], private.labels[:200]

    def score(epochs):
        network, _ = Ckks()._network(early, train)
        tune(network, early.client, train, epochs=epochs)
        return functional.cross_entropy(network(early.client(images)), labels).item()

    assert score(2) < score(0)


def test_the_wire_is_one_ciphertext_for_each_image(late, train, private):
    protected = Ckks().protect(late, train)
    wire = protected.send(private.images[:3])
    assert isinstance(wire.payload, tuple)
    assert len(wire) == 3
    assert wire.tensor.shape == (3, 2 * protected.session.layouts[0].parameters.ring)
    assert wire.nbytes == pytest.approx(3 * 45_000, rel=0.05)


def test_details_compare_decrypted_results_with_the_network_in_the_clear(late, train, private):
    protected = Ckks(accuracy_images=50).protect(late, train)
    images, labels = private.images[:50], private.labels[:50]
    found = protected.details(images, labels, protected.classify(images))
    assert protected.accuracy_images == 50
    assert found["accuracy_clear"] == accuracy(protected.logits(images), labels)
    assert found["argmax_agreement"] > 0.97
    assert found["largest_logit_error"] < 0.01 * found["largest_logit"]
    assert found["key_bytes"] > 100_000
    assert found["images_per_ciphertext"] == 16
    assert found["server_s_per_image"] > 0


@pytest.mark.slow
def test_costs_separate_the_client_from_the_server_and_count_all_rounds(middle, train, private, monkeypatch):
    monkeypatch.setattr(costs, "BLOCK_CALLS", 1)
    oneshot, interactive = (
        measure_costs(Ckks(mode=mode).protect(middle, train), private.images[:1]) for mode in ("oneshot", "interactive")
    )
    assert oneshot.client_ms > 0
    assert oneshot.server_ms > interactive.server_ms
    assert oneshot.wire_bytes == pytest.approx(
        len(Ckks().protect(middle, train).send(private.images[:1]).payload[0]), rel=0.01
    )
    assert interactive.wire_bytes > 1.9 * 40_000
    assert interactive.bytes_down > 1.9 * 40_000
    assert oneshot.rounds == 1
    assert interactive.rounds > 1


def test_numbers_are_read_as_they_are_and_ciphertexts_by_their_residues(late, train, private):
    protected = Ckks().protect(late, train)
    imitated = 100 * torch.randn(2, *protected.ir_channel.shape)
    assert torch.equal(protected.ir_channel.read(Wire(imitated)), imitated)
    read = protected.ir_channel.read(protected.send(private.images[:2]))
    assert read.shape == imitated.shape
    assert not torch.equal(read, protected.ir_channel.read(protected.send(private.images[:2])))


def observation(protected, attack, private, aux):
    return Observation(
        wire=protected.send(private.images),
        aux=aux,
        classes=4,
        channel=protected.ir_channel,
        query=protected.send,
        client=protected.client if attack.access is Access.WHITE_BOX else None,
    )


ATTACKS = [Ridge(), EncoderDecoder(epochs=4, steps=100, channels=4), WhiteBox(iterations=30)]
attacks = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: type(attack).__name__)


@attacks
@pytest.mark.slow
def test_an_attack_on_ciphertexts_ends_at_the_mean_image_as_on_encrypted_zeros(attack, late, train, private):
    few, aux = private[:24], train[:96]
    reached = {}
    for control in (False, True):
        protected = Ckks(control=control).protect(late, train)
        seen = observation(protected, attack, few, aux)
        reached[control] = psnr(attack.reconstruct(seen), few.images).mean().item()
    reference = psnr(MeanImage().reconstruct(seen), few.images).mean().item()
    for psnr_db in reached.values():  # the strength of shrinking to the mean is chosen on few images: it may end below
        assert reference - 1 < psnr_db < reference + 0.1


@attacks
def test_the_same_attack_reads_the_undefended_wire(attack, late, train, private):
    few, aux = private[:48], train[:160]
    seen = observation(late, attack, few, aux)
    gained = psnr(attack.reconstruct(seen), few.images) - psnr(MeanImage().reconstruct(seen), few.images)
    assert gained.mean() > 0.5


def test_the_control_encrypts_zeros_and_promises_nothing(late, train, private):
    protected = Ckks(control=True).protect(late, train)
    logits = protected.classify(private.images[:4])
    torch.testing.assert_close(logits, logits[:1].expand(4, -1), atol=1e-2, rtol=0)
    assert protected.promise.guarantee.startswith("none: control that encrypts zeros")


def test_the_guarantee_shows_the_parameters(late, train):
    assert Ckks().protect(late, train).promise.guarantee == (
        "CKKS, 128-bit by the HE Standard 2018, Table 1, against an honest but curious server (ring 4096, primes "
        "38+33+38, scale 2^33)"
    )
    newer = Ckks(standard="2024").protect(late, train).promise.guarantee
    assert newer.startswith("CKKS, 128-bit by the security guidelines 2024, Table 5.2, against")
    assert "primes 37+32+37" in newer
    given = Ckks(moduli="50+40+50", scale_bits=38, ring=8192).protect(late, train)
    assert "ring 8192, primes 50+40+50, scale 2^38" in given.promise.guarantee


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"ring": 4096}, "room for the 3 levels of this split, got ring=4096"),
        ({"moduli": "46+42+46"}, "at least 5 primes .* 3 levels .* allows 1 levels"),
        ({"moduli": "+".join(["60"] * 8)}, "at most 109 bits in ring 4096, .* 480 bits"),
        ({"moduli": "60+60+60+60+60"}, r"at least 62 bits in the first prime for a scale of 2\^60, got 60"),
        ({"lanes": 4096}, "lanes of at most 32, got 4096.*ring 8192"),
    ],
)
def test_parameters_that_do_not_suffice_are_refused(params, message, middle, train):
    with pytest.raises(UsageError, match=message):
        Ckks(**params).protect(middle, train)


@pytest.mark.parametrize(
    "params", [{"moduli": "40"}, {"moduli": "40+x+40"}, {"moduli": "40+90+40"}, {"lanes": 3}, {"ring": 512}]
)
def test_parameters_that_make_no_sense_are_refused_at_once(params):
    with pytest.raises(ValidationError):
        Ckks(**params)


@pytest.mark.slow
@pytest.mark.parametrize(("given", "refusal"), [({}, Inapplicable), ({"ring": 8192}, UsageError)])
def test_parameters_that_are_too_coarse_are_found_out_before_any_attack(given, refusal, middle, train, monkeypatch):
    monkeypatch.setattr("mia_bench.defenses.ckks.MAX_LOGIT_ERROR", 1e-9)
    with pytest.raises(refusal, match=r"The CKKS parameters are too coarse. Raise scale_bits, or choose a larger ring"):
        Ckks(**given).protect(middle, train)


def test_what_would_take_too_long_is_refused_before_any_work(middle, train):
    with pytest.raises(Inapplicable, match=r"budget_s=0.01, enough for 0 images. The predicted time is \d+ s. Raise"):
        Ckks(budget_s=0.01).protect(middle, train)
    with pytest.raises(Inapplicable, match="Expected to classify 100000 images"):
        Ckks(accuracy_images=100000, budget_s=10).protect(middle, train)


@pytest.mark.slow
def test_the_budget_decides_how_many_images_are_classified(middle, train):
    few, many = (Ckks(budget_s=budget).protect(middle, train).accuracy_images for budget in (1, 10))
    assert few is not None
    assert many is not None
    assert 8 <= few < many


def test_an_unsupported_layer_is_named(target, train):
    model = target.split("relu3").copy()
    strange = replace(model, server=nn.Sequential(*model.server, nn.Softmax(1)))
    with pytest.raises(
        Inapplicable, match=r"\(Softmax\) cannot be computed on ciphertexts.*Let the network end in logits"
    ):
        Ckks().protect(strange, train)


def test_a_server_without_layers_is_refused(target, train):
    with pytest.raises(Inapplicable, match="no layers with weights to compute on ciphertexts"):
        Ckks().protect(target.split("fc3").copy(), train)


def test_a_noisy_client_is_refused(late, train):
    class Noise(type(late.ir_channel)):
        stochastic = True

    with pytest.raises(Inapplicable, match="got a noisy one"):
        Ckks().protect(replace(late, ir_channel=Noise()), train)


def test_damage_on_the_way_back_is_noticed(late, train, private, monkeypatch):
    protected = Ckks().protect(late, train)
    server = protected.session.server
    evaluate = server.evaluate

    def damaged(program, message):
        reply, seconds = evaluate(program, message)
        return reply[:-50] + bytes(50), seconds

    monkeypatch.setattr(server, "evaluate", damaged)
    with pytest.raises(DecryptionError):
        protected.classify(private.images[:2])


def test_damage_on_the_way_up_is_noticed(late, train, private):
    protected = Ckks().protect(late, train)
    wire = protected.send(private.images[:1])
    (message,) = wire.payload
    with pytest.raises(ServerError, match="Expected a Ciphertext"):
        protected.exchange(replace(wire, payload=(message[:1000],)))


def test_a_wrong_key_gives_no_logits(late, train, private):
    protected = Ckks().protect(late, train)
    protected.session._client = CkksClient(protected.session.layouts[0].parameters)
    wire = Ckks().protect(late, train).send(private.images[:1])
    with pytest.raises(DecryptionError, match="another key"):
        protected.exchange(wire)


def test_a_copy_shares_the_session_and_the_keys_are_no_weights(late, train):
    protected = Ckks().protect(late, train)
    assert protected.copy().session is protected.session
    assert copy.deepcopy(protected).session is protected.session
    assert "session" not in repr(protected)
    assert {name.split(".")[0] for name in protected.modules().state_dict()} <= {"0", "1", "3"}


def test_irs_without_any_number_but_zero_are_inapplicable(middle, train):
    with torch.no_grad():
        middle.client.fc1.linear.bias.fill_(-1e6)
    with pytest.raises(Inapplicable, match="Expected IRs with other numbers than 0"):
        Ckks().protect(middle, train)
