"""What several substitutes of a client send."""

import pytest
import torch
from mia_bench.attacks import _substitute_decoding
from mia_bench.attacks._substitute_decoding import decode_through, disagreement, sent_by_any
from mia_bench.benchmark.interfaces import ImageSet, Observation, Reconstruction, Wire
from torch import Tensor, nn

from ..helpers.permuted import Permuted


class Plus(nn.Module):
    """Adds a number to the first pixel."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def forward(self, images: Tensor) -> Tensor:
        sent = images.flatten(1).clone()
        sent[:, 0] += self.number
        return sent


def test_substitutes_are_drawn_as_often_as_their_weights_say() -> None:
    torch.manual_seed(0)

    sent = sent_by_any(torch.zeros(4000, 1, 1, 2), [Plus(1.0), Plus(2.0)], [0.25, 0.75])

    assert sent[:, 0].mean().item() == pytest.approx(1.75, abs=0.03)
    assert sent[:, 1].abs().max() == 0


def test_the_disagreement_is_the_deviation_among_substitutes_of_each_number() -> None:
    images = torch.rand(5, 1, 1, 2)

    assert disagreement(images, [Plus(1.0), Plus(2.0), Plus(3.0)]).tolist() == pytest.approx([1.0, 0.0], abs=1e-6)
    assert disagreement(images, [Plus(1.0)]).tolist() == [0.0, 0.0]


def test_decoders_get_wires_that_the_channel_has_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    images, channel, given = torch.rand(6, 1, 2, 2), Permuted(), []
    irs = images.flatten(1)

    def note(seen: Observation, _: object) -> Reconstruction:
        given.append(seen)
        return Reconstruction(seen.aux.images, "one", {"one": seen.aux.images})

    monkeypatch.setattr(_substitute_decoding, "ensemble", note)
    aux = ImageSet(images, torch.zeros(6, dtype=torch.int64))
    decode_through(nn.Flatten(), Observation(wire=Wire(channel(irs)), aux=aux, classes=2, channel=channel), irs[:2])

    (seen,) = given
    assert torch.equal(seen.channel.read(seen.wire), torch.cat([irs, irs[:2]]))
    assert torch.equal(seen.channel.read(seen.query(images)), irs)
