"""A client that has trained against a decoder."""

import pytest
import torch
from mia_bench.benchmark.interfaces import ImageSet
from mia_bench.benchmark.training import tuning, untrained_copy
from mia_bench.defenses import _adversary
from mia_bench.defenses._adversary import Adversary, Decoder
from mia_bench.defenses.adversarial import Adversarial, train_against_decoder
from torch.nn import functional


@pytest.fixture(autouse=True)
def small_decoder(monkeypatch):
    monkeypatch.setattr(_adversary, "DECODER_CHANNELS", 16)


def success(adversary, protected, images):
    with torch.no_grad():
        return adversary.success(images, protected.client(images)).item()


@pytest.mark.parametrize("ir", [(8, 12, 12), (3, 5, 7), (16, 1, 1), (30,)])
@pytest.mark.parametrize("image", [(1, 16, 16), (3, 17, 30)])
def test_the_decoder_gives_images_for_every_shape_of_ir(ir, image):
    assert Decoder(torch.Size(ir), torch.zeros(image))(torch.randn(4, *ir)).shape == (4, *image)


def test_the_decoder_is_blind_to_the_scale_of_the_ir():
    decoder = Decoder(torch.Size((8, 4, 4)), torch.zeros(1, 16, 16))
    ir = torch.randn(32, 8, 4, 4)
    torch.testing.assert_close(decoder(ir), decoder(1000 * ir), atol=1e-4, rtol=1e-3)


def test_its_success_is_the_share_of_explained_variance_and_never_negative(model, train):
    adversary = Adversary(model, train)
    images = train.images[:200]
    ir = model.client(images)
    rebuilt = adversary.decoder(ir)
    blind = (images - train.images.mean(0)).square().sum()
    expected = 1 - (images - rebuilt).square().sum() / blind
    assert adversary.success(images, ir).item() == pytest.approx(max(0, expected.item()), abs=0.02)
    adversary.decoder.forward = lambda ir: 1 - images
    assert adversary.success(images, ir).item() == 0


def soft_images(count):
    """Images (N, 1, 16, 16) without fine detail; the class is whether the left half is the brighter one."""
    images = functional.interpolate(torch.rand(count, 1, 4, 4), (16, 16), mode="bicubic").clamp(0, 1)
    return ImageSet(images, (images[..., :8].mean((1, 2, 3)) > images[..., 8:].mean((1, 2, 3))).long())


@pytest.mark.slow
def test_more_weight_lowers_the_success_of_the_decoder_it_is_trained_against(target, monkeypatch):
    monkeypatch.setattr(tuning, "MIN_STEPS_PER_EPOCH", 50)
    train, private = soft_images(256), soft_images(128)
    untrained, reached = untrained_copy(target).split("relu2"), []
    for weight in (0.0, 10.0):
        protected, adversary = train_against_decoder(untrained, train, weight=weight, epochs=2)
        reached.append(success(adversary, protected, private.images))
    assert reached[1] < reached[0] - 0.1


@pytest.mark.slow
def test_the_ir_does_not_explode(model, train):
    protected = Adversarial(adversary_weight=10, tuning_epochs=1).protect(model, train)
    assert protected.send(train.images).tensor.std() < 3 * model.send(train.images).tensor.std()


@pytest.mark.slow
def test_the_network_stays_useful(model, train, judged):
    assert judged(Adversarial(tuning_epochs=1).protect(model, train))[0] > judged(model)[0] - 0.05


def test_the_bound_on_information_is_that_of_its_definition(model, train):
    adversary = Adversary(model, train[:64])
    images, ir = train.images[:16], model.send(train.images[:16]).tensor
    guess = adversary.decoder(ir)
    variance = (adversary.decoder.mean - images).square().mean()
    gap = (guess - images.roll(1, 0)).square().mean() - (guess - images).square().mean()
    torch.testing.assert_close(adversary.information(images, ir), 0.5 * gap / variance)


@pytest.mark.slow
def test_the_objective_changes_what_is_trained(model, train, private):
    sent = []
    for objective in ("variance", "information"):
        torch.manual_seed(0)
        sent.append(
            Adversarial(objective=objective, tuning_epochs=1).protect(model, train[:64]).send(private.images[:4])
        )
    assert not torch.equal(sent[0].tensor, sent[1].tensor)
