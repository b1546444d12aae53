"""Several server networks, among which the device selects secretly."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ..benchmark.metrics.held_weights import held_weights
from ..benchmark.training import EPOCHS_HELP, train_jointly, untrained_copy
from ._deviation import unit_of
from ._dp.noise_channel import NoiseChannel
from ._ensemble import Bodies, EnsembleModel, Known, Tail
from ._layers import children
from ._undefended_client import require_undefended

LEARNING_RATE = 3e-3
"""Clients begin untrained, so they take longer steps than those that are fine-tuned."""
SCALE_IMAGES = 512
"""Training images on which the standard deviation of the IR is measured."""


class Ensembler(Defense):
    """Send the IR to several server networks and combine the features of some of them, which only the device knows.

    The last layer with weights, and what follows it, moves to the device. Each of the ``bodies`` begins as a copy of
    the other layers of the server and is trained together with an untrained client, behind Gaussian noise. The device
    selects some bodies at random, once, and trains another client and last layers through them, while they stay as they
    are. The loss is that of the task plus ``similarity_weight`` times the largest mean cosine similarity of its IRs to
    those of the clients with which the selected bodies were trained. All bodies answer each wire, and the device uses
    the features of the selected ones.

    The claim concerns attackers who cannot query and train a shadow client, with last layers of theirs, through the
    bodies: through all of them, or, for comparison, through the selected ones or one of these (``known_bodies``). The
    defense gives no guarantee. The claim does not cover attackers who know the client or can query it: the wire depends
    on the weights of the client, so these attackers can invert it without the selection.

    Example: ``mia-bench run --defense ensembler --known-bodies all,selected,one --attack query_free --attack ridge``

    Source: Liu, Xu, Li, Nassereldine, Xiong, DAC 2025, "Ensembler: Protect collaborative inference privacy from model
    inversion attack via selective ensemble". Their bodies are trained from scratch and their noise does not depend on
    the scale of the IR; the weight of the similarity is ours.
    """

    version: ClassVar[int] = 3
    adversary_only: ClassVar[frozenset[str]] = frozenset({"known_bodies"})
    guarantee: ClassVar[str] = "none"

    bodies: int = Field(10, ge=1, le=64, description="server networks, all of which answer")
    selected: int = Field(4, ge=1, description="server networks whose features the device uses")
    noise_scale: float = Field(
        0.1, ge=0, description="standard deviation of the noise, in units of that of the IR before training"
    )
    similarity_weight: float = Field(1.0, ge=0, description="weight of the largest similarity to the other clients")
    known_bodies: Known = Field(
        "all", description="bodies through which attackers without queries train: all, the selected ones or one of them"
    )
    tuning_epochs: int = Field(2, ge=1, description=f"{EPOCHS_HELP}, for each network")

    @model_validator(mode="after")
    def _check(self) -> Ensembler:
        if self.selected > self.bodies:
            raise ValueError(
                f"Expected selected to be at most bodies={self.bodies}, got {self.selected}. "
                "Lower selected, or raise bodies."
            )
        return self

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a model with several bodies, and with its last layers on the device.

        Raises:
            Inapplicable: If client or server have too few layers with weights, a layer of the client has no reset, or
                the client is defended.
        """
        require_undefended(model, "ensembler")
        body, last = _divided(model.server)
        with torch.no_grad():
            irs = model.client(train.images[:SCALE_IMAGES])
        sigma = self.noise_scale * unit_of(irs, correction=0)
        noise = NoiseChannel(noise="gaussian", sigma=sigma, clip=None)
        parts = [self._member(model, body, last, noise, train) for _ in range(self.bodies)]
        selection = torch.randperm(self.bodies)[: self.selected].tolist()
        bodies = Bodies([each.server[0] for each in parts])
        tail = Tail([parts[number].server[1] for number in selection], selection)
        client = untrained_copy(model.client)
        assert isinstance(client, nn.Sequential)
        ensemble = EnsembleModel(
            client=client,
            server=nn.Sequential(OrderedDict(bodies=bodies, tail=tail)),
            input_channel=copy.deepcopy(model.input_channel),
            ir_channel=noise,
            features=_shape(bodies, irs[:1]),
            known=self.known_bodies,
        )
        self._select(ensemble, [parts[number].client for number in selection], train)
        return ensemble

    def _member(
        self, model: SplitModel, body: nn.Module, last: nn.Module, noise: NoiseChannel, train: ImageSet
    ) -> SplitModel:
        """Train an untrained client with a copy of the layers of the server."""
        client = untrained_copy(model.client)
        assert isinstance(client, nn.Sequential)
        server = nn.Sequential(copy.deepcopy(body), copy.deepcopy(last))
        member = replace(model, client=client, server=server, ir_channel=noise)
        train_jointly(
            member,
            train,
            lambda *_: torch.zeros((), device=member.device),
            epochs=self.tuning_epochs,
            learning_rate=LEARNING_RATE,
        )
        member.modules().eval().requires_grad_(False)
        return member

    def _select(self, model: EnsembleModel, others: Sequence[nn.Module], train: ImageSet) -> None:
        """Train client and last layers through the selected bodies, away from the clients of these bodies."""
        bodies, tail = model.server
        assert isinstance(bodies, Bodies)
        assert isinstance(tail, Tail)
        through = Frozen(bodies.some(tail.selection))

        def similarity(images: Tensor, _labels: Tensor, ir: Tensor, _logits: Tensor) -> Tensor:
            with torch.no_grad():
                theirs = torch.stack([other(images).flatten(1) for other in others])  # (selected, B, K)
            mine = functional.cosine_similarity(ir.flatten(1)[None], theirs, dim=2)  # (selected, B)
            return self.similarity_weight * mine.mean(1).max()

        trained = replace(model, server=nn.Sequential(through, Tail(list(tail.layers), range(len(others)))))
        train_jointly(trained, train, similarity, epochs=self.tuning_epochs, learning_rate=LEARNING_RATE)


@torch.no_grad()
def _shape(bodies: nn.Module, ir: Tensor) -> tuple[int, ...]:
    """Return the shape of the features of one image, (bodies, ...)."""
    return tuple(bodies(ir).shape[1:])


def _divided(server: nn.Sequential) -> tuple[nn.Sequential, nn.Sequential]:
    """Return the layers of a server before the last one with weights, and this layer with what follows it.

    Raises:
        Inapplicable: If fewer than two layers have weights.
    """
    layers = list(children(server))
    weighted = [place for place, (_, layer) in enumerate(layers) if held_weights(layer)]
    if len(weighted) < 2:
        raise Inapplicable(
            "Expected at least two layers with weights after the split, of which the last moves to the device, got "
            f"{len(weighted)}. Choose an earlier split."
        )
    last = weighted[-1]
    return nn.Sequential(OrderedDict(layers[:last])), nn.Sequential(OrderedDict(layers[last:]))


class Frozen(nn.Module):
    """Run a network that is not among the parts of this module, so that training leaves it as it is.

    Example:
        >>> list(Frozen(nn.Linear(2, 2)).parameters())
        []
    """

    def __init__(self, network: nn.Module) -> None:
        """Take the network."""
        super().__init__()
        self._network = (network,)

    def forward(self, value: Tensor) -> Tensor:
        """Map values (N, ...) as the network does."""
        return self._network[0](value)
