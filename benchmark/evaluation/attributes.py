"""What a protected wire says of the labels of an image, where an image may be impossible to reconstruct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import clean
from ..interfaces import ImageSet, Pools, SplitModel, Wire
from ..interfaces.channel import readings
from ..metrics import interval
from ..metrics.attribute_probe import ProbeAnswers, read_labels
from ..metrics.intervals import share_interval
from ..metrics.macs import count_macs
from ..utils.count_sketch import Hash
from ..utils.fingerprints import independent_sources
from ..utils.isolation import isolated
from ..utils.outliers import range_without_outliers
from ..utils.seeding import seeded
from .observe import chunks, overhear
from .protection import sample_images

MAX_KNOWN, MAX_TESTED = 1000, 500
"""Images on which the probe is trained, and tested, at most."""
MIN_KNOWN, MIN_TESTED = 8, 3
"""Images without which nothing is measured."""
MAX_MACS = 1e11
"""Operations of sending these images and of the undefended network, for which fewer are taken; 5 s of one core."""
MIN_AFFORDED = 150
"""Images that are always sent, unless the model asks for fewer on which to measure its accuracy."""
MAX_NUMBERS = 4096
"""Numbers of a wire for the probe; longer ones are shortened by a count sketch."""
MAX_VALUES = 20
"""Most different values of a label that are distinguished. A label with more is divided into low, middle and high."""
MAX_LABELS = 100
"""Labels that are read."""
ENCODED_PART = 16
"""Ciphertexts that are in memory at a time."""
OUTLIER_IMAGES = 64
"""Images that are sent twice to search the wires for outliers, at most."""
CLASS = "class"
"""The name of the label of classification."""


@dataclass(frozen=True)
class AttributeLeak:
    """The label that can be read best from the wire, beyond what the outputs of the network say.

    Attributes:
        name: Its name.
        accuracy: The share of private images of which a probe reads it.
        gain: By how much ``accuracy`` is above what needs no wire: the share of images of which an equal probe reads
            the label from the outputs, or the share of the most frequent value if that is larger.
        details: The 95 % intervals of ``accuracy`` and ``gain``, as ``attribute_accuracy_low`` and so on, the shares
            ``attribute_majority`` and ``attribute_from_outputs``, and the number of images.

    Example:
        >>> AttributeLeak("age", accuracy=0.9, gain=0.2, details={"attribute_images": 500}).name
        'age'
    """

    name: str
    accuracy: float
    gain: float
    details: dict[str, float]


class _Labels(NamedTuple):
    """Labels of the images of a pool, counted from 0: their names, and (K, labels) and (M, labels) int64."""

    names: tuple[str, ...]
    known: Tensor
    tested: Tensor


class Outputs:
    """A probe of the outputs of the undefended network, which is the same for all defenses.

    Example:
        ``Outputs(target).read(known, labels, tested)`` is computed once for each number of images.
    """

    def __init__(self, target: Callable[[Tensor], Tensor]) -> None:
        """Take the network, which gives outputs (B, ...) for images (B, C, H, W)."""
        self.target = target
        self._found: dict[tuple[int, int], ProbeAnswers] = {}

    def read(self, known: ImageSet, labels: Tensor, tested: ImageSet) -> ProbeAnswers:
        """Return what the probe reads of images, from the outputs and labels (K, labels) of known ones."""
        key = len(known), len(tested)
        if key not in self._found:
            with isolated("attribute from outputs"):  # not the randomness of the defense that comes first
                features = _Features(self.target)
                self._found[key] = read_labels(features(known.images), labels, features(tested.images))
        return self._found[key]


def attribute_leak(model: SplitModel, outputs: Outputs, pools: Pools) -> AttributeLeak | None:
    """Measure which label of a private image an attacker can read from its wire.

    The attacker labels its own images, sends them through the protected client, and trains a probe on the wires, which
    is tested on private images. An equal probe of the outputs of the undefended network tells what the server learns
    anyway. Of all labels (the classes, each of several labels, each number, each attribute), the one with the largest
    gain over that and over the most frequent value is reported. It is chosen on the attacker's images, so that the gain
    on the private ones is not larger by chance where there are more labels.

    Args:
        model: The protected model.
        outputs: The probe of the outputs of the undefended network on these pools.
        pools: The data.

    Returns:
        What was found; None if the images have no labels, or there are too few.
    """
    known, tested = _images(model, outputs.target, pools)
    labels = _labels(pools, known, tested)
    if not labels.names or len(known) < MIN_KNOWN or len(tested) < MIN_TESTED:
        return None
    common = labels.known.mode(0).values
    wires = _read_from_wires(model, known.images, labels.known, tested.images)
    free_answers = outputs.read(known, labels.known, tested)
    best = int(_gain(wires.crossed, free_answers.crossed, labels.known, common).argmax())
    right, anyway, usual = (
        (read[:, best] == labels.tested[:, best]).double()
        for read in (wires.answers, free_answers.answers, common.expand_as(labels.tested))
    )
    free = anyway if anyway.mean() >= usual.mean() else usual
    sources = independent_sources(tested)
    low, high = interval(right - free, sources=sources)
    lowest, highest = _share_interval(right, sources)
    details = {
        "attribute_accuracy_low": lowest,
        "attribute_accuracy_high": highest,
        "attribute_majority": usual.mean().item(),
        "attribute_from_outputs": anyway.mean().item(),
        **({} if low is None or high is None else {"attribute_gain_low": low, "attribute_gain_high": high}),
        "attribute_images": len(right),
    }
    return AttributeLeak(
        clean(labels.names[best]),
        accuracy=round(right.mean().item(), 5),
        gain=round((right - free).mean().item(), 5),
        details={name: round(value, 5) for name, value in details.items()},
    )


def _share_interval(right: Tensor, sources: Tensor | None) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share, widened to that of the mean over sources, if there are any."""
    over_sources = interval(right, sources=sources, within=(0, 1))
    ends = [*share_interval(int(right.sum()), len(right)), *(end for end in over_sources if end is not None)]
    return min(ends), max(ends)


def _gain(wires: Tensor, outputs: Tensor, truth: Tensor, common: Tensor) -> Tensor:
    """Return by how much the wires say more of each label than the outputs or the most frequent value, (labels,)."""
    right, anyway, usual = ((read == truth).double().mean(0) for read in (wires, outputs, common))
    return right - torch.maximum(anyway, usual)


def _images(model: SplitModel, target: Callable[[Tensor], Tensor], pools: Pools) -> tuple[ImageSet, ImageSet]:
    """Return the attacker's images on which to train, and the private ones on which to test."""
    each = 2 * count_macs(target, pools.private.images[:1].clone())
    afforded = max(MIN_AFFORDED, int(MAX_MACS / max(each, 1)))
    tested = min(MAX_TESTED, afforded // 3, model.accuracy_images or MAX_TESTED)
    known = min(MAX_KNOWN, 2 * tested if model.accuracy_images else 2 * afforded // 3)
    own = sample_images(pools.aux, known)
    order = torch.randperm(
        len(own), generator=torch.Generator().manual_seed(0)
    )  # the pool may be in that of its classes
    return own[order.to(own.labels.device)], sample_images(pools.private, tested)


def _labels(pools: Pools, known: ImageSet, tested: ImageSet) -> _Labels:
    """Collect all labels and attributes of images, each counted from 0."""
    names, columns = list[str](), list[tuple[Tensor, Tensor]]()
    if pools.task == "classification":
        names, columns = [CLASS], [(known.labels, tested.labels)]
    numbers = [(known.labels, tested.labels, pools.classes)] if pools.task in ("multi-label", "regression") else []
    if known.attributes is not None and tested.attributes is not None:
        numbers.append((known.attributes, tested.attributes, pools.attributes))
    for mine, others, called in numbers:
        names += called
        columns += [_counted(*column) for column in zip(mine.T.contiguous(), others.T.contiguous(), strict=True)]
    if not columns:
        return _Labels((), known.labels, tested.labels)
    first, second = (torch.stack(each[:MAX_LABELS], 1) for each in zip(*columns, strict=True))
    return _Labels(tuple(names[:MAX_LABELS]), first, second)


def _counted(known: Tensor, tested: Tensor) -> tuple[Tensor, Tensor]:
    """Count the values of a number from 0, or low, middle and high ones if it has many, by the known images (K,)."""
    values = known.unique()
    if len(values) <= MAX_VALUES:
        bounds = (values[1:] + values[:-1]) / 2
    else:
        bounds = known.double().quantile(torch.tensor([1 / 3, 2 / 3], dtype=torch.float64, device=known.device))
    return torch.bucketize(known, bounds), torch.bucketize(tested, bounds)


class _Features:
    """Sends images (N, C, H, W), and returns at most ``MAX_NUMBERS`` numbers for each, (N, D), on their device."""

    def __init__(self, send: Callable[[Tensor], Tensor], *, part: int | None = None) -> None:
        """Take what sends images (B, C, H, W), and how many of them at a time; None for as many as usual."""
        self._send, self._part = send, part
        self._length, self._shorten = 0, nn.Identity()

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        parts = chunks(images) if self._part is None else images.split(self._part)
        return torch.cat([self._numbers(self._send(part.clone()).flatten(1).to(images.device)) for part in parts])

    def _numbers(self, sent: Tensor) -> Tensor:
        if not self._length:
            self._length = sent.shape[1]
            if self._length > MAX_NUMBERS:
                self._shorten = Hash(self._length, sums=MAX_NUMBERS).to(sent.device)
        sent = sent[:, : self._length].float()  # ciphertexts differ by a few bytes
        return self._shorten(functional.pad(sent, (0, self._length - sent.shape[1])))


def _read_from_wires(model: SplitModel, known: Tensor, labels: Tensor, tested: Tensor) -> ProbeAnswers:
    """Return what the probe reads from the wires of tested images (M, C, H, W), each label by the best reading.

    Args:
        model: The protected model.
        known: Images to learn from, (K, C, H, W).
        labels: Their labels, (K, labels).
        tested: Images whose labels are read, (M, C, H, W).
    """
    found = []
    for read in readings(model.ir_channel):
        features = _of_wire(model, known, read)
        found.append(read_labels(features(known), labels, features(tested)))
    return reduce(_better, found)


def _better(first: ProbeAnswers, other: ProbeAnswers) -> ProbeAnswers:
    """Return of each label what the probe with the higher score reads, or the first if they are equal."""
    better = other.score > first.score
    return ProbeAnswers(*(torch.where(better, new, old) for new, old in zip(other, first, strict=True)))


def _of_wire(model: SplitModel, images: Tensor, read: Callable[[Wire], Tensor]) -> _Features:
    """Return what reads the wires of a model, which is given images (K, C, H, W) to see what they are."""
    encoded = not isinstance(model.overheard(images[:1].clone()).payload, Tensor)

    def send(some: Tensor) -> Tensor:
        return read(overhear(model, some)).flatten(1)

    if encoded or not model.stochastic:
        return _Features(send, part=ENCODED_PART if encoded else None)
    with seeded("outliers"):  # later random numbers do not depend on this
        first, again = (torch.cat([send(part.clone()) for part in chunks(images[:OUTLIER_IMAGES])]) for _ in range(2))
    if (usual := range_without_outliers(first, again)) is None:
        return _Features(send)
    replace = usual.replace
    return _Features(lambda some: replace(send(some)))
