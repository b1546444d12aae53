"""Differentially private training, a negative control."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import ClassVar, cast

import torch
from opacus import GradSampleModule, PrivacyEngine
from opacus.optimizers import DPOptimizer
from opacus.validators import ModuleValidator
from pydantic import Field
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Defense, ImageSet, Promise, SplitModel
from ..benchmark.training import Units, trainable, untrained_copy
from ..benchmark.utils.texts import one_line

LEARNING_RATE = 0.5
"""Learning rate of plain SGD with gradients clipped to norm 1. It is divided by the clipping norm."""
EXPECTED_WARNINGS = (
    "Secure RNG turned off",  # The noise comes from torch's generator, as the docstring says.
    "Full backward hook is firing when gradients are computed",  # Images need no gradient.
    "Optimal order is the (largest|smallest) alpha",  # The guarantee is then looser than necessary, never wrong.
)


class DpSgd(Defense):
    """Train the whole network anew by DP-SGD: a negative control, since it protects training data, not inputs.

    The client sends the unchanged IR, from which an attacker reconstructs the input as before. The epsilon is that of
    the *training images* (add or remove one image, for the steps that were done), so it appears in the text of the
    guarantee and not in the columns about the input. Training starts from an untrained network, because fine-tuning
    with noise does not remove what the network has learned without. The epsilon does not cover the channel means that
    normalize the input, the means and standard deviations of the numbers of a regression, nor the choice of parameters.
    The random numbers are torch's and not cryptographic. Recommended sweep of the noise: 0.5, 1, 2, 4.

    Example: ``mia-bench run --defense dp_sgd --noise-multiplier 0.5,1,2,4``

    Source: Abadi et al., CCS 2016, "Deep learning with differential privacy"; by opacus, Rényi accountant.
    """

    guarantee: ClassVar[str] = "none for inputs; (eps, delta)-DP of the training images"

    noise_multiplier: float = Field(
        1.0, gt=0, description="standard deviation of the noise, in units of the clipping norm"
    )
    gradient_clip: float = Field(1.0, gt=0, description="largest norm of the gradient of one training image")
    dp_epochs: int = Field(2, ge=1, description="passes over the victim's training images, on average")
    dp_batch: int = Field(256, ge=1, description="images per step, on average")
    training_delta: float = Field(
        1e-5, gt=0, lt=1, description="probability that the guarantee for the training images fails"
    )

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model, trained anew by DP-SGD.

        Raises:
            Inapplicable: If opacus cannot train the network, or the network cannot be reset.
        """
        protected = model.copy()
        parts = untrained_copy(nn.ModuleList([protected.client, protected.server]))
        client, server = parts.children()
        assert isinstance(client, nn.Sequential)
        assert isinstance(server, nn.Sequential)
        whole = nn.Sequential(client, server)
        if errors := ModuleValidator.validate(whole, strict=False):
            raise Inapplicable(_refusal(errors[0]))
        with warnings.catch_warnings(), trainable(whole):
            if errors := GradSampleModule.validate(whole, strict=False):
                raise Inapplicable(_refusal(errors[0]))
            for message in EXPECTED_WARNINGS:
                warnings.filterwarnings("ignore", message=message)
            epsilon = self._train(whole, train)
        words = f"none for inputs; ({epsilon:.4g}, {self.training_delta:g})-DP of the training images"
        return replace(protected, client=client, server=server, promise=Promise(words))

    def _train(self, network: nn.Module, train: ImageSet) -> float:
        """Train a network in place and return the epsilon for the training images."""
        positions = torch.arange(len(train), device=train.images.device)
        engine = PrivacyEngine(accountant="rdp")
        private = engine.make_private(
            module=network,
            optimizer=torch.optim.SGD(network.parameters(), LEARNING_RATE / self.gradient_clip),
            data_loader=DataLoader(TensorDataset(train.images, positions), min(self.dp_batch, len(train))),
            noise_multiplier=self.noise_multiplier,
            max_grad_norm=self.gradient_clip,
        )
        wrapped, optimizer, loader = cast(tuple[GradSampleModule, DPOptimizer, DataLoader], private)
        units = Units(network, train)
        for _ in range(self.dp_epochs):
            for images, batch in loader:
                optimizer.zero_grad()
                train.loss(units(wrapped(images)), batch).backward()
                if len(images):
                    _refuse_missing_gradients(wrapped)
                optimizer.step()
        wrapped.to_standard_module()
        units.fold(network)
        return engine.get_epsilon(self.training_delta)


def _refusal(reason: object) -> str:
    return (
        f"Opacus cannot train this network with differential privacy: {one_line(str(reason)).rstrip('. ')}. Choose a "
        "network of layers that it knows, without batch normalization."
    )


def _refuse_missing_gradients(network: GradSampleModule) -> None:
    """Raise if opacus has no gradient of each image for a weight, such as one that no layer of torch applies.

    Raises:
        Inapplicable: If so.
    """
    for name, weight in network.named_parameters():
        if weight.requires_grad and getattr(weight, "grad_sample", None) is None:
            raise Inapplicable(
                _refusal(f"it has no gradient of each image for the weight {name.removeprefix('_module.')}")
            )
