"""Homomorphic encryption of the IR."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from ..benchmark.errors import Inapplicable, UsageError
from ..benchmark.interfaces import Defense, ImageSet, Promise, SplitModel
from ._ckks.compiler import Round, check_size, compile_interactive, compile_oneshot, steps
from ._ckks.model import CiphertextChannel, EncryptedModel
from ._ckks.parameters import MOST_BITS, Parameters, choose
from ._ckks.plan import Plan, width_of
from ._ckks.polynomial import polynomial_form
from ._ckks.session import Forecast, Session, forecast
from ._ckks.view import Residues
from ._fine_tuning import PASSES, tune

logger = logging.getLogger(__name__)
CALIBRATION = 2000
"""Training images on which quadratics are fitted and scales chosen."""
FEWEST = 8
"""Images that must be classified encrypted for an accuracy."""
WRONG = 0.01
"""Largest error of the first decrypted logits, in units of the largest logit."""


class Ckks(Defense):
    """Encrypts the IR homomorphically; the server computes the rest of the network on ciphertexts.

    The server is a process of its own that has the program and evaluation keys, and no key that decrypts. In the mode
    ``oneshot`` quadratics take the place of its activations, mean pooling that of maximum pooling, and its layers are
    fine-tuned; ``interactive`` keeps the exact network: the client decrypts, applies the activation and encrypts again.
    A wire is one ciphertext for each image; for accuracy, several images share one. The server is honest but
    curious: CKKS does not protect against one that answers wrongly and learns from the reaction.

    Source: Cheon, Kim, Kim, Song, ASIACRYPT 2017 (CKKS); Gilad-Bachrach et al., ICML 2016, "CryptoNets"
    (squares); He, Zhang, Lee, ACSAC 2019, section 7 (as a defense of split inference).
    """

    version: ClassVar[int] = 2
    guarantee: ClassVar[str] = "CKKS, 128-bit"

    mode: Literal["oneshot", "interactive"] = Field(
        "oneshot", description="one round with a polynomial network, or one for each activation with the exact network"
    )
    tuning_epochs: int = Field(1, ge=0, description=f"{PASSES} for the polynomial network (oneshot)")
    ring: int | None = Field(
        None,
        ge=min(MOST_BITS),
        le=max(MOST_BITS),
        description="degree of the ring, 4096, 8192 or 16384; none: the smallest that fits",
    )
    moduli: str | None = Field(
        None, description="bits of the primes, such as 46+42+42+46; none: they follow from the depth"
    )
    scale_bits: int | None = Field(None, ge=20, le=50, description="bits of the scale; none: as many as fit")
    lanes: int | None = Field(
        None, ge=1, description="images in a ciphertext when accuracy is measured, a power of two; none: as many as fit"
    )
    accuracy_images: int | None = Field(
        None, ge=1, description="private images classified encrypted; none: as many as budget_s allows"
    )
    budget_s: float = Field(120, gt=0, description="most seconds of the server for them, by prediction")
    control: bool = Field(False, description="encrypt zeros: what attacks reach if a ciphertext tells nothing")

    @field_validator("moduli")
    @classmethod
    def _check_moduli(cls, value: str | None) -> str | None:
        if value is not None:
            bits = value.split("+")
            if len(bits) < 3 or not all(bit.isdecimal() and 20 <= int(bit) <= 60 for bit in bits):
                raise ValueError("expected at least three numbers of bits from 20 to 60, joined by +")
        return value

    @field_validator("ring")
    @classmethod
    def _check_ring(cls, value: int | None) -> int | None:
        if value is not None and value not in MOST_BITS:
            raise ValueError(f"expected one of {', '.join(map(str, MOST_BITS))}")
        return value

    @field_validator("lanes")
    @classmethod
    def _check_lanes(cls, value: int | None) -> int | None:
        if value is not None and value & (value - 1):
            raise ValueError("expected a power of two")
        return value

    def protect(self, model: SplitModel, train: ImageSet) -> EncryptedModel:
        """Make the polynomial network, compile it, make keys and start the server.

        Raises:
            Inapplicable: if a layer of the server cannot be computed on ciphertexts, or not at 128-bit security, or not
                exactly enough, or it would take too long.
            UsageError: if a given parameter does not suffice.
        """
        protected = model.copy()
        protected.modules().eval()
        network, sample = self._network(protected, train)
        rounds = self._compile(network, sample)
        parameters = self._parameters(rounds)
        plans = [self._plan(each, parameters) for each in rounds]
        expected = forecast(plans)
        images = self._accuracy_images(expected)
        logger.info(
            "ckks, predicted: %s; %.2g s of the server for %d images in a ciphertext, %.1f MB keys, %.0f KB up",
            parameters.text,
            expected.seconds,
            expected.lanes,
            expected.key_bytes / 1e6,
            expected.bytes_up / 1e3,
        )
        if self.mode == "oneshot" and self.tuning_epochs:
            tune(
                network,
                lambda images: protected.client(protected.input_channel(images)),
                train,
                epochs=self.tuning_epochs,
            )
        network.requires_grad_(False)
        rounds = self._compile(network, sample, headroom=parameters.headroom)
        session = Session(rounds, plans, parameters, control=self.control)
        if not self.control:
            self._verify(session, network, sample[: plans[0].lanes])
        return EncryptedModel(
            client=protected.client,
            server=network,
            input_channel=protected.input_channel,
            ir_channel=CiphertextChannel(sample).to(train.images.device),
            promise=Promise(self._guarantee(parameters)),
            accuracy_images=images,
            session=session,
            view=Residues(parameters),
            predicted_seconds=expected.seconds,
        )

    def _network(self, model: SplitModel, train: ImageSet) -> tuple[nn.Sequential, Tensor]:
        """The network to be encrypted, not yet tuned, and values that it takes.

        What cannot be compiled is refused here, before anything is trained.
        """
        if model.stochastic:
            raise Inapplicable("the IR is noisy already; ckks encrypts the IR of an undefended client")
        steps(model.server)
        sample = _irs(model, train.images[:CALIBRATION])
        if self.mode == "interactive":
            return model.server, sample
        check_size(sample.shape[1:], "the IR")
        return polynomial_form(model.server, sample).eval(), sample

    def _compile(self, network: nn.Sequential, sample: Tensor, *, headroom: float = 4) -> list[Round]:
        """Compile with results scaled well below what can be decrypted, since other images may give larger ones."""
        build = compile_oneshot if self.mode == "oneshot" else compile_interactive
        return build(copy.deepcopy(network).cpu(), sample.cpu(), largest_output=min(16.0, headroom / 4))

    def _parameters(self, rounds: Sequence[Round]) -> Parameters:
        widths = [width_of(size) for each in rounds for size in (each.program.inputs, each.program.outputs)]
        widths += [width_of(layer.outputs) for each in rounds for layer in each.program.layers]
        return choose(
            levels=max(each.program.levels for each in rounds),
            width=max(widths),
            ring=self.ring,
            moduli=None if self.moduli is None else tuple(map(int, self.moduli.split("+"))),
            scale_bits=self.scale_bits,
        )

    def _plan(self, each: Round, parameters: Parameters) -> Plan:
        plan = Plan.of(each.program.layers, parameters)
        if self.lanes is None:
            return plan
        if self.lanes > plan.lanes:
            raise UsageError(
                f"lanes is {self.lanes}; at this split {plan.lanes} images fit into a ciphertext of ring "
                f"{parameters.ring}"
            )
        return replace(plan, lanes=self.lanes)

    def _accuracy_images(self, expected: Forecast) -> int:
        """How many images fit into the budget."""
        spare = self.budget_s - expected.first_seconds
        most = expected.lanes * (1 + int(spare / expected.seconds)) if spare >= 0 else 0
        if self.accuracy_images is not None and self.accuracy_images <= most:
            return self.accuracy_images
        if self.accuracy_images is None and most >= FEWEST:
            return most
        asked = self.accuracy_images or FEWEST
        raise Inapplicable(
            f"classifying {asked} images is predicted to take {expected.total(asked):.0f} s, and budget_s is "
            f"{self.budget_s:g}, enough for {most} images; raise budget_s, lower accuracy_images, split later, or "
            "choose mode=interactive"
        )

    def _guarantee(self, parameters: Parameters) -> str:
        aided = ", client-aided" if self.mode == "interactive" else ""
        text = f"{self.guarantee}{aided}, against an honest but curious server ({parameters.text})"
        return f"none: control that encrypts zeros ({text})" if self.control else text

    def _verify(self, session: Session, network: nn.Sequential, irs: Tensor) -> None:
        """Compare one encrypted batch with the network in the clear."""
        with torch.no_grad():
            expected = network(irs).cpu()
        error = (session.finish(session.upload(irs), len(irs)).logits - expected).abs().max().item()
        largest = expected.abs().max().item()
        if not error <= WRONG * largest:
            refusal = UsageError if self.ring or self.moduli or self.scale_bits else Inapplicable
            raise refusal(
                f"decrypted logits are off by {error:.2g}, more than {WRONG:.0%} of the largest, {largest:.3g}: the "
                "CKKS parameters are too coarse; raise scale_bits, or take a larger ring of "
                f"{', '.join(map(str, MOST_BITS))}"
            )


def _irs(model: SplitModel, images: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([model.client(model.input_channel(chunk)) for chunk in images.split(500)])
