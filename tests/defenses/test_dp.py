"""Noise on the IR and on the image."""

from dataclasses import replace

import pytest
import torch
from mia_bench import drop_low_bits
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Promise
from mia_bench.defenses.dp_input import DpInput
from mia_bench.defenses.dp_ir import DpIr
from pydantic import ValidationError
from torch import Tensor, nn

from ..helpers.defenses import accuracy, channel_of

both = pytest.mark.parametrize("defense", [DpIr, DpInput])


@both
@pytest.mark.parametrize("noise", ["gaussian", "laplacian"])
def test_without_noise_it_is_exactly_undefended(defense, noise, model, train, private):
    protected = defense(sigma=0, noise=noise).protect(model, train)
    assert not protected.stochastic
    assert torch.equal(protected.send(private.images).tensor, model.send(private.images).tensor)
    assert protected.promise == Promise()


@both
def test_every_send_draws_fresh_noise(defense, model, train, private):
    protected = defense(sigma=0.2).protect(model, train)
    assert protected.stochastic
    first, second = (protected.send(private.images).tensor for _ in range(2))
    assert not torch.equal(first, second)


def test_the_noise_on_the_ir_has_the_given_standard_deviation(model, train, private):
    clean = model.send(private.images).tensor
    noise = DpIr(sigma=0.3).protect(model, train).send(private.images).tensor - clean
    assert noise.std().item() == pytest.approx(0.3, rel=0.01)


def test_the_noise_on_the_image_is_applied_before_the_client(model, train, private):
    protected = DpInput(sigma=0.3).protect(model, train)
    torch.manual_seed(5)
    sent = protected.send(private.images).tensor
    torch.manual_seed(5)
    noisy = private.images + 0.3 * torch.randn_like(private.images)
    assert torch.allclose(sent, model.send(drop_low_bits(noisy, 0.3)).tensor, atol=1e-5)


class Lookup(nn.Module):
    """A table of 256 tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(256, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.table((images * 255).round().long().flatten(1))


@pytest.mark.parametrize("noise_aware", [True, False])
def test_noise_on_tokens_is_refused_in_words(noise_aware, model, train):
    lookup = replace(model, client=Lookup(), server=nn.Sequential(nn.Flatten(), nn.LazyLinear(10)))
    lookup.logits(train.images[:2])

    with pytest.raises(Inapplicable, match="takes any numbers, got one that looks them up"):
        DpInput(sigma=0.3, noise_aware=noise_aware).protect(lookup, train)


@both
@pytest.mark.parametrize("noise", ["gaussian", "laplacian"])
def test_what_is_sent_before_the_noise_is_within_the_clip(defense, noise, model, train, private):
    channel = channel_of(defense, defense(sigma=1e-9, clip=0.5, noise=noise).protect(model, train))
    values = model.send(private.images).tensor if defense is DpIr else private.images
    order = 2 if noise == "gaussian" else 1
    assert channel(values).flatten(1).norm(p=order, dim=1).max().item() <= 0.5 * (1 + 1e-5)


@pytest.mark.parametrize(
    "noise",
    [DpIr(sigma=3), DpIr(sigma=2, clip=15), DpIr(sigma=3, noise="laplacian"), DpInput(sigma=0.1, clip=2.5)],
    ids=repr,
)
def test_tuning_the_server_to_the_noise_raises_accuracy(noise, model, train, private):
    naive = accuracy(noise.protect(model, train), private)
    tuned = noise.model_copy(update={"noise_aware": True, "tuning_epochs": 1}).protect(model, train)
    assert accuracy(tuned, private) > naive + 0.05


@both
def test_tuning_leaves_the_client_as_it_was(defense, model, train):
    tuned = defense(noise_aware=True).protect(model, train)
    assert all(torch.equal(*pair) for pair in zip(model.client.parameters(), tuned.client.parameters(), strict=True))
    assert not torch.equal(next(model.server.parameters()), next(tuned.server.parameters()))


def test_tuning_leaves_modes_and_frozen_weights_as_it_found_them(model, train):
    model.modules().eval().requires_grad_(False)
    tuned = DpIr(noise_aware=True).protect(model, train)
    assert not any(part.training for half in (tuned.client, tuned.server) for part in half.modules())
    assert not any(weight.requires_grad or weight.grad is not None for weight in tuned.modules().parameters())


def test_tuning_a_server_without_weights_is_inapplicable(target, train):
    with pytest.raises(Inapplicable, match="no layers with weights to fine-tune"):
        DpIr(noise_aware=True).protect(target.split("fc3"), train)


@both
def test_giving_sigma_and_epsilon_names_both(defense):
    with pytest.raises(ValidationError, match=r"Expected either sigma or epsilon, got sigma=0.1 and epsilon=8.0"):
        defense(sigma=0.1, epsilon=8)


@both
def test_the_stored_parameters_say_what_was_used_and_can_be_read_back(defense):
    given = defense(epsilon=8)
    assert '"sigma":null' in given.params
    assert defense.model_validate_json(given.params) == given
    assert '"sigma":0.1' in defense().params


@pytest.mark.parametrize("defense", [DpIr(sigma=1e15), DpIr(sigma=1e15, clip=1), DpIr(sigma=1e15, noise="laplacian")])
def test_the_misfit_of_wires_with_the_most_noise_is_finite(defense, model, train, private):
    protected = defense.protect(model, train)
    clean, sent = model.send(private.images).tensor, protected.send(private.images).tensor
    assert protected.ir_channel.distance(clean, sent).isfinite().all()
    assert protected.ir_channel.log_density(clean, sent).isfinite().all()
