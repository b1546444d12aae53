"""The attack of a server that has recorded the wires of many users and cannot query the client."""

from functools import partial
from typing import ClassVar

from pydantic import Field

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Access, Attack, Observation, Reconstruction
from ._alignment import Alignment, aligned
from ._generic_client import Likeness, substitutes
from ._inversion.rmle import wire_as_ir
from ._shadow import MIN_WIRES, TRAFFIC_WIRES, recorded
from ._substitute_decoding import decode_through, sent_by_any


class FeatureMatch(Attack):
    """Train substitute clients whose wires are distributed like recorded traffic, and decoders of what they send.

    The attacker has wires of other users and images of the same kind, but no pairs of both. A substitute is trained
    until its wires for the attacker's images have the mean of the recorded ones for each class that the server sees in
    them, the standard deviation of each number, and the covariance of neighborhoods of cells, while the server
    classifies them. Then ``ridge`` and ``ridge_skip`` learn from what several substitutes send, so that they do not
    trust what these disagree on, and answers that vary more than images do are moved towards the mean image. FORA and
    SDAR train a discriminator in place of these statistics. The server is not used if the device keeps the last layers.
    With ``server=false`` and ``shadow=different`` the attacker knows what that of FORA does.

    Example:
        ``mia-bench run --attack feature_match --shadow different``

    Source: Xu et al., CVPR 2024, "A stealthy wrongdoer" (FORA); Zhu et al., NDSS 2025, "Passive inference attacks on
    split learning via adversarial regularization" (SDAR); the statistics are ours.
    """

    version: ClassVar[int] = 11
    access: ClassVar[Access] = Access.QUERY_FREE
    standard: ClassVar[bool] = False

    traffic: int = Field(
        TRAFFIC_WIRES, ge=0, description="wires of other users that the attacker has recorded, at most"
    )
    server: bool = Field(True, description="know the weights of the server, and the labels of the attacker's images")
    shadow: Likeness = Field("same", description="the client's structure, or 3x3 convolutions")
    restarts: int = Field(2, ge=1, description="substitute clients to train")
    steps: int = Field(800, ge=1, description="batches for each substitute, at most")

    @property
    def traffic_count(self) -> int:
        """Return how many wires of other users the attacker has recorded, at most."""
        return self.traffic

    def reconstruct(self, seen: Observation) -> Reconstruction:
        """Train the substitutes, then decoders of what they send, and return the images (N, C, H, W) of the better.

        Raises:
            Inapplicable: If too few wires were recorded, or the defense publishes nothing about its channel.
        """
        wire = wire_as_ir(seen)
        traffic = recorded(seen)
        if len(traffic) < MIN_WIRES:
            raise Inapplicable(
                f"Expected at least {MIN_WIRES} recorded wires, whose distribution is imitated, got {len(traffic)}. "
                "Attack more images, or choose a dataset with more private ones."
            )
        build = substitutes(seen, wire, self.shadow)
        loss = Alignment.of(seen, traffic, use_server=self.server)
        clients = [aligned(build, loss, steps=self.steps) for _ in range(self.restarts)]
        return decode_through(partial(sent_by_any, clients=clients), seen, traffic)
