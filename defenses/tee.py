"""A simulated enclave in the cloud."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field, field_validator
from torch import nn

from ..benchmark.errors import Inapplicable, UsageError
from ..benchmark.interfaces import Channel, Defense, ImageSet, Promise, SplitModel
from ._enclave.attestation import SimulatedDevice
from ._enclave.enclave import Enclave, connect, measure_program, payload_lengths
from ._enclave.model import EnclaveModel, PartitionedModel, SealedChannel
from ._enclave.sealed_channel import Session
from ._layers import client_layers, server_layers

SAMPLE = 512
"""Training images whose IRs give the mean and spread that are published."""


class Tee(Defense):
    """Runs the layers behind the split in a simulated enclave, to which the device talks by AES-256-GCM.

    The device makes the enclave prove by a signed quote what it runs, agrees on keys with it, and sends each IR
    sealed; the logits come back sealed. With ``exit``, the enclave runs the layers up to that one and hands the IR
    there to the untrusted host in the clear, which computes the rest: partitioned enclave execution.

    The cryptography is real; the isolation and the device's signing key are simulated in this process, and side
    channels of real enclaves are not modeled. Keys come from the operating system, so scores on ciphertexts vary a
    little from run to run.

    Source: He, Zhang, Lee, ACSAC 2019, section 7; Costan & Devadas 2016, "Intel SGX explained"; RFC 7748, RFC 5869,
    NIST SP 800-38D; for ``exit``, Benkraouda & Nahrstedt, DistributedML 2021.
    """

    guarantee: ClassVar[str] = "AES-256-GCM, simulated enclave"

    exit: str | None = Field(
        None, description="layer behind which the IR leaves the enclave in the clear; none: nothing leaves"
    )

    @field_validator("exit", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return None if value == "none" else value  # so that a sweep can hold it

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Load the enclave and begin an attested session with it.

        Raises:
            Inapplicable: if the layer to leave at is not behind the split.
            UsageError: if there is no layer of that name.
        """
        self._check_exit(model)
        protected = model.copy()
        depth, inside = len(protected.client), protected.server
        if self.exit is not None:
            protected = protected.moved_behind(self.exit)
            inside = protected.client[depth:]
        with torch.no_grad():
            irs = protected.client[:depth](protected.input_channel(train.images[:SAMPLE]))
            gives = inside(irs[:1]).shape[1:]
        session, enclave = _begin(inside, takes=irs.shape[1:], gives=gives, releases=self.exit is not None)
        kind = EnclaveModel if self.exit is None else PartitionedModel
        return kind(
            client=protected.client,
            server=protected.server,
            input_channel=protected.input_channel,
            ir_channel=SealedChannel(irs) if self.exit is None else Channel(),
            promise=Promise(self._promised()),
            depth=depth,
            session=session,
            enclave=enclave,
            gives=gives,
        )

    def _promised(self) -> str:
        if self.exit is None:
            return self.guarantee
        return f"{self.guarantee} up to {self.exit}; the IR there leaves in the clear"

    def _check_exit(self, model: SplitModel) -> None:
        here, ahead = list(client_layers(model)), list(server_layers(model))
        if self.exit is not None and self.exit not in here + ahead:
            raise UsageError(
                f"there is no layer {self.exit!r} to leave the enclave behind; the layers are {', '.join(here + ahead)}"
            )
        if self.exit in here:
            raise Inapplicable(
                f"the layer {self.exit!r} is not behind the split {here[-1]!r}, so the enclave does not run it; "
                f"those behind are {', '.join(ahead) or 'none'}"
            )


def _begin(layers: nn.Sequential, *, takes: torch.Size, gives: torch.Size, releases: bool) -> tuple[Session, Enclave]:
    """Load the layers into an enclave and connect to it, knowing what it must be."""
    device = SimulatedDevice()
    enclave = Enclave(layers, takes=takes, gives=gives, releases=releases, device=device)
    session = connect(
        enclave,
        device=device.public,
        measurement=measure_program(layers, takes=takes, gives=gives, releases=releases),
        lengths=payload_lengths(takes, gives),
    )
    return session, enclave
