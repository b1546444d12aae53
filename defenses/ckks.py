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
from ..benchmark.training import EPOCHS_HELP, tune
from ._ckks.compiler import Round, check_size, compile_interactive, compile_oneshot, steps
from ._ckks.layout import PackingLayout, width_of
from ._ckks.model import CiphertextChannel, EncryptedModel
from ._ckks.parameters import MAX_MODULUS_BITS, Parameters, choose_parameters
from ._ckks.polynomial import polynomial_form
from ._ckks.session import Forecast, Session, forecast
from ._ckks.view import Residues
from ._encrypted import MAX_LOGIT_ERROR, MIN_ACCURACY_IMAGES, num_accuracy_images

logger = logging.getLogger(__name__)
CALIBRATION_IMAGES = 2000
"""Most training images on which quadratics are fitted and scales chosen."""


class Ckks(Defense):
    """Encrypt the IR homomorphically, so that the server computes the rest of the network on ciphertexts.

    The server is a separate process that has the program and the evaluation keys, but no key that decrypts. The mode
    ``oneshot`` replaces activations by quadratics and maximum pooling by mean pooling, and fine-tunes the layers of the
    server. The mode ``interactive`` keeps the exact network: the client decrypts, applies the activation and encrypts
    again. A wire is one ciphertext for each image. To measure the accuracy, several images share a ciphertext. The
    server is assumed to be honest but curious: CKKS does not protect against a server that answers wrongly and learns
    from the reaction.

    Example: ``mia-bench run --defense ckks --mode interactive --accuracy-images 16``

    Sizes are 128-bit secure by the Homomorphic Encryption Standard of 2018, which SEAL enforces, for ternary secrets
    and classical computers. The guidelines of 2024 (``standard=2024``) allow 3 to 8 bits less.

    Source: Cheon, Kim, Kim, Song, ASIACRYPT 2017 (CKKS); Albrecht et al. 2018, "Homomorphic encryption standard";
    Bossuat et al. 2024, "Security guidelines for implementing homomorphic encryption"; Gilad-Bachrach et al., ICML
    2016, "CryptoNets" (squares); He, Zhang, Lee, ACSAC 2019, section 7 (as a defense of split inference).
    """

    version: ClassVar[int] = 2
    added: ClassVar[frozenset[str]] = frozenset({"standard"})
    guarantee: ClassVar[str] = "CKKS, 128-bit (HE Standard 2018)"

    mode: Literal["oneshot", "interactive"] = Field(
        "oneshot", description="one round with a polynomial network, or one round per activation with the exact network"
    )
    tuning_epochs: int = Field(1, ge=0, description=f"{EPOCHS_HELP}, for the polynomial network of oneshot")
    ring: int | None = Field(
        None,
        ge=min(MAX_MODULUS_BITS),
        le=max(MAX_MODULUS_BITS),
        description="degree of the ring: 4096, 8192 or 16384; none takes the smallest that fits",
    )
    moduli: str | None = Field(
        None, description="bits of the primes, such as 46+42+42+46; none derives them from the depth"
    )
    scale_bits: int | None = Field(None, ge=20, le=50, description="bits of the scale; none takes as many as fit")
    standard: Literal["2018", "2024"] = Field(
        "2018", description="table of 128-bit secure sizes: HE Standard 2018, or the stricter guidelines of 2024"
    )
    lanes: int | None = Field(
        None, ge=1, description="images per ciphertext for the accuracy, a power of two; none takes as many as fit"
    )
    accuracy_images: int | None = Field(
        None, ge=1, description="private images that are classified encrypted; none takes as many as budget_s allows"
    )
    budget_s: float = Field(120, gt=0, description="largest predicted time of the server for these images, in seconds")
    control: bool = Field(False, description="encrypt zeros instead, as a control that leaks nothing")

    @field_validator("moduli")
    @classmethod
    def _check_moduli(cls, value: str | None) -> str | None:
        if value is not None:
            bits = value.split("+")
            if len(bits) < 3 or not all(bit.isdecimal() and 20 <= int(bit) <= 60 for bit in bits):
                raise ValueError(
                    "Expected at least three numbers of bits from 20 to 60, joined by +. Write them as in 46+42+42+46."
                )
        return value

    @field_validator("ring")
    @classmethod
    def _check_ring(cls, value: int | None) -> int | None:
        if value is not None and value not in MAX_MODULUS_BITS:
            raise ValueError(
                f"Expected one of {', '.join(map(str, MAX_MODULUS_BITS))}. Choose one of them, or leave ring out."
            )
        return value

    @field_validator("lanes")
    @classmethod
    def _check_lanes(cls, value: int | None) -> int | None:
        if value is not None and value & (value - 1):
            below = 2 ** (value.bit_length() - 1)
            raise ValueError(f"Expected a power of two. Choose {below} or {2 * below}.")
        return value

    def protect(self, model: SplitModel, train: ImageSet) -> EncryptedModel:
        """Return a copy of the model whose server is a process that computes on ciphertexts.

        Build the polynomial network, compile it, generate the keys and start the server.

        Raises:
            Inapplicable: If the layers of the server cannot be computed on ciphertexts at 128-bit security, precisely
                enough and within the time limit.
            UsageError: If a given parameter is not sufficient for the network.
        """
        protected = model.copy()
        protected.modules().eval()
        network, sample = self._network(protected, train)
        rounds = self._compile(network, sample)
        parameters = self._parameters(rounds)
        layouts = [self._layout(each, parameters) for each in rounds]
        expected = forecast(layouts)
        images = self._accuracy_images(expected)
        logger.info(
            "CKKS predicts %s; %.2g s of the server for %d images in a ciphertext; %.1f MB of keys; %.0f KB sent.",
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
        session = Session(rounds, layouts, parameters, control=self.control)
        if not self.control:
            self._verify(session, network, sample[: layouts[0].lanes])
        return EncryptedModel(
            client=protected.client,
            server=network,
            input_channel=protected.input_channel,
            ir_channel=CiphertextChannel(sample).to(train.images.device),
            promise=Promise(self._guarantee(parameters), secrecy=True),
            accuracy_images=images,
            session=session,
            view=Residues(parameters),
            predicted_seconds=expected.seconds,
        )

    def _network(self, model: SplitModel, train: ImageSet) -> tuple[nn.Sequential, Tensor]:
        """Return the network to be encrypted, before fine-tuning, and some of its inputs (N, ...).

        A network that cannot be compiled is refused here, before any training.
        """
        if model.stochastic:
            raise Inapplicable(
                "Expected the IR of an undefended client, got a noisy one. Use ckks without other defenses."
            )
        steps(model.server)
        sample = _irs(model, train.images[:CALIBRATION_IMAGES])
        if self.mode == "interactive":
            return model.server, sample
        if not sample.any():
            raise Inapplicable(
                "Expected IRs with other numbers than 0, to which polynomials can be fitted, got 0 alone. Split "
                "earlier, or choose mode=interactive."
            )
        check_size(sample.shape[1:], "the IR")
        return polynomial_form(model.server, sample).eval(), sample

    def _compile(self, network: nn.Sequential, sample: Tensor, *, headroom: float = 4) -> list[Round]:
        """Compile the network. Results are far below the largest decryptable ones, since other images may give more."""
        build = compile_oneshot if self.mode == "oneshot" else compile_interactive
        return build(copy.deepcopy(network).cpu(), sample.cpu(), largest_output=min(16.0, headroom / 4))

    def _parameters(self, rounds: Sequence[Round]) -> Parameters:
        widths = [width_of(size) for each in rounds for size in (each.program.inputs, each.program.outputs)]
        widths += [width_of(layer.outputs) for each in rounds for layer in each.program.layers]
        return choose_parameters(
            levels=max(each.program.levels for each in rounds),
            width=max(widths),
            ring=self.ring,
            moduli=None if self.moduli is None else tuple(map(int, self.moduli.split("+"))),
            scale_bits=self.scale_bits,
            standard=self.standard,
        )

    def _layout(self, each: Round, parameters: Parameters) -> PackingLayout:
        layout = PackingLayout.of(each.program.layers, parameters)
        if self.lanes is None:
            return layout
        if self.lanes > layout.lanes:
            raise UsageError(
                f"Expected lanes of at most {layout.lanes}, got {self.lanes}. At this split, no more images fit into a "
                f"ciphertext of ring {parameters.ring}."
            )
        return replace(layout, lanes=self.lanes)

    def _accuracy_images(self, expected: Forecast) -> int:
        """Return how many images can be classified within ``budget_s``."""
        spare = self.budget_s - expected.first_seconds
        most = expected.lanes * (1 + int(spare / expected.seconds)) if spare >= 0 else 0
        seconds = expected.total(self.accuracy_images or MIN_ACCURACY_IMAGES)
        remedy = (
            f"The predicted time is {seconds:.0f} s. Raise budget_s, lower accuracy_images, split later, or choose "
            "mode=interactive."
        )
        return num_accuracy_images(self.accuracy_images, most, budget_s=self.budget_s, remedy=remedy)

    def _guarantee(self, parameters: Parameters) -> str:
        aided = ", client-aided" if self.mode == "interactive" else ""
        table = "HE Standard 2018, Table 1" if self.standard == "2018" else "security guidelines 2024, Table 5.2"
        text = f"CKKS, 128-bit by the {table}{aided}, against an honest but curious server ({parameters.text})"
        return f"none: control that encrypts zeros ({text})" if self.control else text

    def _verify(self, session: Session, network: nn.Sequential, irs: Tensor) -> None:
        """Compare the decrypted logits of one batch with those of the network on plain IRs."""
        with torch.no_grad():
            expected = network(irs).cpu()
        error = (session.finish(session.upload(irs), len(irs)).logits - expected).abs().max().item()
        largest = expected.abs().max().item()
        if not error <= MAX_LOGIT_ERROR * largest:
            refusal = UsageError if self.ring or self.moduli or self.scale_bits else Inapplicable
            raise refusal(
                f"Expected decrypted logits within {MAX_LOGIT_ERROR:.0%} of the largest, {largest:.3g}, got errors of "
                f"{error:.2g}. The CKKS parameters are too coarse. Raise scale_bits, or choose a larger ring of "
                f"{', '.join(map(str, MAX_MODULUS_BITS))}."
            )


def _irs(model: SplitModel, images: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([model.client(model.input_channel(chunk)) for chunk in images.split(500)])
