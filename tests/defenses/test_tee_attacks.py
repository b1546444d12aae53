"""What attackers get from the simulated enclave."""

from dataclasses import replace

import pytest
import torch
from mia_bench.attacks import _ensemble
from mia_bench.attacks.auto_query_free import AutoQueryFree
from mia_bench.attacks.black_box import BlackBox
from mia_bench.attacks.encoder_decoder import EncoderDecoder
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.attacks.ridge import Ridge
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark.interfaces import ImageSet, Observation, byte_view
from mia_bench.benchmark.metrics import psnr
from mia_bench.benchmark.training import untrained_copy
from mia_bench.benchmark.utils.seeding import seeded
from mia_bench.defenses.tee import Tee
from torch.nn import functional


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


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack",
    [Ridge(), EncoderDecoder(steps=100), BlackBox(steps=60), WhiteBox(iterations=40)],
    ids=lambda a: type(a).__name__,
)
@pytest.mark.parametrize("view", [None, byte_view], ids=["without header", "with header"])
def test_sealed_messages_leak_nothing(attack, view, model, train):
    assert leak(Tee().protect(model, train), attack, view=view) < 0.3


@pytest.mark.slow
def test_an_attacker_who_imitates_the_client_attacks_sealed_messages_in_vain(model, train, monkeypatch):
    monkeypatch.setattr(_ensemble, "ITERATIONS", 20)
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


@pytest.mark.slow
def test_chosen_images_rebuild_the_private_ones_from_the_ir_that_leaves_and_less_from_a_deeper_one(model, train):
    """The attack of Benkraouda & Nahrstedt, DistributedML 2021, on partitioned enclave execution."""
    attack = EncoderDecoder(epochs=5, channels=8)
    early, late = (leak(Tee(exit=layer).protect(model, train), attack) for layer in ("pool1", "relu4"))
    assert early > late + 4
    assert early > 8


@pytest.mark.slow
def test_the_white_box_attacker_inverts_device_and_enclave_together(model, train):
    assert leak(Tee(exit="pool1").protect(model, train), WhiteBox(iterations=60)) > 10
