"""Secret sharing of the IR between two servers."""

from __future__ import annotations

import copy
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Defense, ImageSet, Promise, SplitModel
from ..benchmark.interfaces.stages import child_name, cut_name
from ..benchmark.metrics.held_weights import held_weights
from ._encrypted import MAX_LOGIT_ERROR, num_accuracy_images
from ._layers import SHAPING, children, flat
from ._sharing.compiler import Round, compiled, rounds_of
from ._sharing.model import ShareChannel, SharedModel
from ._sharing.ring import WORD_BITS, part_bits
from ._sharing.session import Session

logger = logging.getLogger(__name__)
SAMPLE_IMAGES = 512
"""Most training images from which the size of values is measured."""
MULTIPLICATIONS_PER_SECOND = 5e8
"""Products of parts of numbers, for each server on one core (measured at the early splits of LeNet-5)."""
VERIFIED_IMAGES = 16
"""Training images on which the logits are compared with those of the unprotected network."""


class SecretSharing(Defense):
    """Send one additive share of the IR to each of two servers, so that one of them alone learns nothing.

    Values are fixed-point numbers in the ring of integers modulo 2^64. One share is uniform and random, the other is
    the value minus it. Both servers know the weights and apply affine layers to their shares; one of them adds the
    biases. Activations, pooling and all other layers without weights run on the device, which adds the two shares,
    computes exactly, and shares the result again: one round for each run of affine layers, 16 bytes for each number in
    each direction. The servers are two processes. Shares come from the operating system's random numbers.

    One server alone has perfect secrecy against it, whatever it computes. Both together reveal the IR
    (``collude=true``, for comparison). Both are assumed to be honest but curious: a server that changes its replies
    changes the result, which is noticed only if it becomes impossibly large. A user of the device can compute the
    weights from what the device sees. Links to the servers are assumed to be encrypted, since a listener on both sees
    both shares.

    Example: ``mia-bench run --defense secret_sharing --collude false,true``

    Source: Shamir, CACM 1979, "How to share a secret"; fixed-point shares as in Mohassel & Zhang, IEEE S&P 2017,
    "SecureML", with nonlinear layers on the device in place of their garbled circuits.
    """

    version: ClassVar[int] = 2
    adversary_only: ClassVar[frozenset[str]] = frozenset({"collude"})
    guarantee: ClassVar[str] = "perfect secrecy against one of two servers that do not collude"

    fraction_bits: int = Field(16, ge=1, le=28, description="fractional bits of shared values and of weights")
    collude: bool = Field(False, description="show both shares to the adversary, a control without secrecy")
    accuracy_images: int | None = Field(
        None, ge=1, description="private images that are classified on shares; none takes as many as budget_s allows"
    )
    budget_s: float = Field(60, gt=0, description="largest predicted time of the servers for these images, in seconds")

    def protect(self, model: SplitModel, train: ImageSet) -> SharedModel:
        """Return a copy of the model whose servers are two processes that compute on shares.

        Raises:
            Inapplicable: If the layers of the server cannot be computed on shares, precisely enough and within the time
                limit.
        """
        if model.stochastic:
            raise Inapplicable("Expected an undefended client, got a noisy one. Use secret_sharing without others.")
        protected = _with_local_layers(model.copy())
        protected.modules().eval()
        with torch.no_grad():
            sample = protected.client(protected.input_channel(train.images[:SAMPLE_IMAGES]))
        rounds, last = self._compile(protected.server, sample.cpu())
        images = self._accuracy_images(rounds)
        session = Session(
            rounds, last, bits=self.fraction_bits, shape=tuple(rounds[0].local(sample[:1].cpu()).shape[1:])
        )
        shared = SharedModel(
            client=protected.client,
            server=protected.server,
            input_channel=protected.input_channel,
            ir_channel=ShareChannel(sample, both=self.collude).to(train.images.device),
            promise=Promise(self._promised(), secrecy=not self.collude),
            accuracy_images=images,
            session=session,
            shape=tuple(sample.shape[1:]),
            collude=self.collude,
        )
        self._verify(shared, model, train.images[:VERIFIED_IMAGES])
        names = [", ".join(map(cut_name, each.names)) for each in rounds]
        logger.info("Shares need %d rounds: %s.", len(rounds), "; ".join(names))
        return shared

    def _promised(self) -> str:
        text = f"shares in Z_2^{WORD_BITS}, {self.fraction_bits} fractional bits"
        if self.collude:
            return f"none: both servers collude ({text})"
        return f"perfect secrecy against either of two servers that do not collude, honest but curious ({text})"

    def _compile(self, server: nn.Sequential, sample: Tensor) -> tuple[Sequence[Round], nn.Sequential]:
        """Return the rounds with integer weights, and the layers that the device computes after the last one."""
        plain, last = rounds_of(copy.deepcopy(server).cpu())
        rounds, value = list[Round](), sample
        for each in plain:
            done, value = compiled(each, value, bits=self.fraction_bits)
            rounds.append(done)
        return rounds, last

    def _accuracy_images(self, rounds: Sequence[Round]) -> int:
        """Return how many images can be classified within ``budget_s``."""
        products = sum(
            layer.multiplications * -(-WORD_BITS // part_bits(layer.weights))
            for each in rounds
            for layer in each.layers
        )
        most = int(self.budget_s * MULTIPLICATIONS_PER_SECOND / products)
        remedy = "Raise budget_s, lower accuracy_images, or split later."
        return num_accuracy_images(self.accuracy_images, most, budget_s=self.budget_s, remedy=remedy)

    def _verify(self, shared: SharedModel, model: SplitModel, images: Tensor) -> None:
        """Compare the logits of a few images with those of the unprotected network."""
        with torch.no_grad():
            clear = model.logits(images)
        error = (shared.classify(images) - clear).abs().max().item()
        if not error <= MAX_LOGIT_ERROR * clear.abs().max().item():
            raise Inapplicable(
                f"Expected logits within {MAX_LOGIT_ERROR:.0%} of the largest, {clear.abs().max().item():.3g}, got "
                f"errors of {error:.2g}. The fixed-point numbers are too coarse. Raise fraction_bits."
            )


def _with_local_layers(model: SplitModel) -> SplitModel:
    """Return the model with the first layers of the server that have no weights on the device, which computes them.

    Raises:
        Inapplicable: If no layer of the server has weights.
    """
    layers = list(flat(model.server))
    weighted = [place for place, (_, layer) in enumerate(layers) if held_weights(layer)]
    first = weighted[0] if weighted else len(layers)
    while first and isinstance(layers[first - 1][1], SHAPING):
        first -= 1  # The IR keeps its shape, which attackers can use.
    client, server = list(children(model.client)), [(child_name(name), layer) for name, layer in layers]
    if first:
        client.append(("before_sharing", nn.Sequential(OrderedDict(server[:first]))))
    return replace(model, client=nn.Sequential(OrderedDict(client)), server=nn.Sequential(OrderedDict(server[first:])))
