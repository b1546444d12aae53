"""A split model whose client and server exchange ciphertexts."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...benchmark.interfaces import Channel, Exchange, SplitModel, Wire
from ...benchmark.metrics import accuracy
from .._deviation import deviation
from .._encrypted import as_values, clear_logits, logit_errors
from .session import Session
from .view import Residues

logger = logging.getLogger(__name__)


class CiphertextChannel(Channel):
    """The channel of encrypted IRs. The residues that an eavesdropper reads do not depend on the clean value."""

    stochastic = True
    mean: Tensor
    deviation: Tensor

    def __init__(self, sample: Tensor) -> None:
        """Publish the mean and standard deviation of clean values (N, ...)."""
        super().__init__()
        self.shape = tuple(sample.shape[1:])
        self.register_buffer("mean", sample.mean())
        self.register_buffer("deviation", deviation(sample))

    def read(self, wire: Wire) -> Tensor:
        """Return the first residues of each ciphertext, scaled to the mean and deviation of clean values, (N, ...)."""
        if isinstance(wire.payload, Tensor):  # An imitation by an attacker, which consists of numbers.
            return wire.payload
        residues = wire.tensor.to(self.mean.device)
        needed = torch.arange(torch.Size(self.shape).numel(), device=residues.device) % residues.shape[1]
        centered = (residues[:, needed] + 0.5) % 1 - 0.5
        return as_values(centered, mean=self.mean, deviation=self.deviation).unflatten(1, self.shape)


@dataclass(frozen=True, kw_only=True)
class EncryptedModel(SplitModel):
    """A split model that communicates through an encrypted session.

    Attributes:
        session: Keys of the client and process of the server.
        view: Reads ciphertexts as numbers.
        predicted_seconds: Predicted seconds of the server for one full ciphertext.
    """

    session: Session = field(repr=False)
    view: Residues = field(repr=False)
    predicted_seconds: float

    def send(self, images: Tensor) -> Wire:
        """Encrypt the IR of each image (N, C, H, W) separately, as a device does that sends one image at a time."""
        return Wire(tuple(self.session.upload(self._ir(images), lanes=1)), self.view)

    def exchange(self, wire: Wire) -> Exchange:
        """Have the server compute on the ciphertexts, and decrypt its replies."""
        assert not isinstance(wire.payload, Tensor)
        done = self.session.finish(wire.payload, len(wire), lanes=1)
        return replace(done, logits=done.logits.to(self.device))

    def classify(self, images: Tensor) -> Tensor:
        """Return logits (N, classes) for a batch, with as many images in a ciphertext as fit."""
        return self._batch(images).logits.to(self.device)

    def details(self, images: Tensor, labels: Tensor, logits: Tensor) -> dict[str, float]:
        """Compare the decrypted logits with those of the same network on plain IRs, and measure sizes and times.

        Args:
            images: Images that were classified, (N, C, H, W).
            labels: Their classes, (N,), or labels of another task, (N, outputs).
            logits: Their decrypted logits, (N, classes).
        """
        full = images[: self.session.layouts[0].lanes]
        clear = clear_logits(self, images)
        found = {
            **logit_errors(clear, logits),
            "key_bytes": self.session.key_bytes,
            "images_per_ciphertext": self.session.layouts[0].lanes,
            "predicted_server_ms": 1000 * self.predicted_seconds,
            "server_s_per_image": self._batch(full).server_ms / 1000 / len(full),
        }
        if labels.dim() == 1:
            same = (clear.argmax(1) == logits.argmax(1)).double().mean().item()
            found |= {"accuracy_clear": accuracy(clear, labels), "argmax_agreement": same}
            logger.info(
                "CKKS measured over %d images: accuracy unencrypted %.2f %%, decrypted %.2f %%; agreement of classes "
                "%.2f %%.",
                len(images),
                100 * found["accuracy_clear"],
                100 * accuracy(logits, labels),
                100 * same,
            )
        logger.info(
            "CKKS measured over %d images: largest error %.1e of %.1f; %.1f MB of keys.",
            len(images),
            found["largest_logit_error"],
            found["largest_logit"],
            found["key_bytes"] / 1e6,
        )
        return found

    def _batch(self, images: Tensor) -> Exchange:
        return self.session.finish(self.session.upload(self._ir(images)), len(images))

    def _ir(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return self.client(self.input_channel(images))
