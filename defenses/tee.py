"""A simulated trusted execution environment (enclave) on the server."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field, field_validator
from torch import nn

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Channel, Defense, ImageSet, Promise, SplitModel
from ._enclave.attestation import SimulatedDevice
from ._enclave.enclave import Enclave, connect, measure_program, payload_lengths
from ._enclave.model import EnclaveModel, PartitionedModel, SealedChannel
from ._enclave.sealed_channel import ChannelEnd
from ._layers import client_layers, layer_called, server_layers

STATISTICS_IMAGES = 512
"""Most training images whose IRs give the published mean and standard deviation."""


class Tee(Defense):
    """Run the layers after the split in a simulated enclave, with which the device communicates by AES-256-GCM.

    The enclave proves by a signed quote what it runs. The device agrees on keys with it and sends each IR encrypted and
    authenticated (sealed); the logits are returned sealed. With ``exit``, the enclave runs the layers up to that layer
    and passes the IR there unencrypted to the untrusted host, which computes the rest (partitioned enclave execution).

    The measurement in the quote covers the classes, parameters and weights of the layers and the shapes that enter and
    leave. It does not cover the code of these classes, torch, Python, the operating system, or the layers on the host.

    The cryptography is real. The isolation and the signing key of the processor are simulated in this process, and side
    channels of real enclaves are not modeled. Keys come from the operating system, so scores on ciphertexts differ
    slightly between runs.

    Example: ``mia-bench run --defense tee --exit none,pool2``

    Source: He, Zhang, Lee, ACSAC 2019, section 7; Costan & Devadas 2016, "Intel SGX explained"; RFC 7748, RFC 5869,
    NIST SP 800-38D; for ``exit``, Benkraouda & Nahrstedt, DistributedML 2021.
    """

    guarantee: ClassVar[str] = "AES-256-GCM, simulated enclave that proves layers and weights, not code"

    exit: str | None = Field(
        None, description="last layer in the enclave, whose output leaves it unencrypted; none keeps all layers inside"
    )

    @field_validator("exit", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return None if value == "none" else value  # A sweep may contain "none".

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model that communicates with an attested enclave.

        Raises:
            Inapplicable: If the layer ``exit`` does not follow the split.
            UsageError: If the network has no layer of that name.
        """
        border = None if self.exit is None else self._border(model, self.exit)
        protected = model.copy()
        depth, inside = len(protected.client), protected.server
        if border is not None:
            protected = protected.moved_behind(border)
            inside = protected.client[depth:]
        with torch.no_grad():
            irs = protected.client[:depth](protected.input_channel(train.images[:STATISTICS_IMAGES]))
            gives = inside(irs[:1]).shape[1:]
        session, enclave = _begin(inside, takes=irs.shape[1:], gives=gives, releases=self.exit is not None)
        kind = EnclaveModel if self.exit is None else PartitionedModel
        return kind(
            client=protected.client,
            server=protected.server,
            input_channel=protected.input_channel,
            ir_channel=SealedChannel(irs) if self.exit is None else Channel(),
            promise=Promise(self._promised(), secrecy=self.exit is None),
            depth=depth,
            session=session,
            enclave=enclave,
            gives=gives,
        )

    def _promised(self) -> str:
        if self.exit is None:
            return self.guarantee
        return f"AES-256-GCM, simulated enclave up to {self.exit}; the IR there leaves in the clear"

    def _border(self, model: SplitModel, wanted: str) -> str:
        """Return the name of the last layer in the enclave."""
        here, ahead = list(client_layers(model)), list(server_layers(model))
        found = layer_called(model, wanted, "exit")
        if found in here:
            raise Inapplicable(
                f"Expected a layer after the split {here[-1]!r} in exit, got {wanted!r}, which the enclave does not "
                f"run. Available: {', '.join(ahead) or 'none'}."
            )
        return found


def _begin(
    layers: nn.Sequential, *, takes: torch.Size, gives: torch.Size, releases: bool
) -> tuple[ChannelEnd, Enclave]:
    """Load the layers into an enclave, check its attestation and connect to it."""
    device = SimulatedDevice()
    enclave = Enclave(layers, takes=takes, gives=gives, releases=releases, device=device)
    session = connect(
        enclave,
        device=device.public,
        measurement=measure_program(layers, takes=takes, gives=gives, releases=releases),
        lengths=payload_lengths(takes, gives),
    )
    return session, enclave
