"""The observation of a protected model: the only place where an attack is given what its access grants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import ContractError, Inapplicable, message_of
from ..interfaces import (
    Access,
    Attack,
    Channel,
    CleanInput,
    ImageSet,
    Observation,
    Pools,
    Reconstruction,
    SplitModel,
    Wire,
    byte_view,
)
from ..interfaces.channel import read_before, readings
from ..interfaces.stored_images import StoredImages
from ..interfaces.wire import length_view
from ..training import untrained_copy
from ..utils.fingerprints import content_digests
from ..utils.plurals import count_of
from ..utils.seeding import seeded
from .opaque import Opaque

CHUNK = 500
"""The largest number of images in one pass through a network. It is fixed, since random streams depend on it."""
CHUNK_PIXELS = 2**21
"""The largest number of pixels in one pass. At 224 px, 16 channels at full resolution then take 131 MB."""


GRANTED = ("query", "client", "layers", "server", "structure")
"""Fields of an observation that are None for attacks whose access does not grant them."""


def chunks(images: Tensor) -> tuple[Tensor, ...]:
    """Divide images (N, C, H, W) into parts that pass through a network at a time."""
    return images.split(max(1, min(CHUNK, CHUNK_PIXELS // (images.shape[2] * images.shape[3]))))


def observe(
    attack: Attack, model: SplitModel, wire: Wire, *, pools: Pools, originals: Tensor, identity: object
) -> Observation:
    """Return what the access of an attack grants, and nothing else.

    Args:
        attack: The attack.
        model: The protected model. Give a copy, since the attack may change it.
        wire: What the adversary saw of the private images. Give a copy, since the attack may change it.
        pools: The data.
        originals: The private images under attack, (N, C, H, W), which are sent again for attacks on repeated wires.
        identity: The value that determines the random stream of repeated wires.

    Raises:
        Inapplicable: If the attack uses repeated wires and these cannot be merged.
    """
    weights, free = attack.access is Access.WHITE_BOX, attack.access is Access.QUERY_FREE
    query, tail = Opaque(partial(overhear, model)), model.tail
    random = model.input_channel.stochastic and model.input_channel.published
    seen = Observation(
        wire=wire,
        aux=_aux(pools, attack.aux_source),
        classes=len(pools.classes),
        channel=_as_published(model.ir_channel),
        query=None if free else query,
        input_channel=model.input_channel if random else None,
        client=nn.Sequential(CleanInput(model.input_channel), model.client) if weights else None,
        layers=model.client if weights else None,
        server=model.in_cloud if free else None,
        tail=Opaque(partial(untrained_copy, tail)) if free and tail is not None else None,
        structure=_structure(model, behind_channel=random) if free else None,
    )
    if attack.observations > 1 and model.stochastic:
        query = Opaque(partial(_overhear_often, model, attack.observations))
        with seeded("wires", identity, attack.observations):
            wires = [overhear(model, originals) for _ in range(attack.observations)]
        seen = replace(
            seen,
            wire=_merged(model, wires),
            channel=_as_published(read_before(model.ir_channel.merged(attack.observations))),
            query=None if free else query,
            input_channel=None,
            structure=_structure(model, behind_channel=False) if free else None,
            unmerged=replace(seen, wire=Wire.join(wires)),
        )
    traffic = _traffic(query, pools.private, attack, originals, identity) if free else None
    return replace(seen, traffic=traffic)


def _structure(model: SplitModel, *, behind_channel: bool) -> Callable[[], nn.Module]:
    """Return what builds an untrained copy of the client, with what the defense publishes about changes of images.

    Args:
        model: The protected model.
        behind_channel: Whether to leave the input channel out, since the attack is given it.
    """
    layers, before = partial(untrained_copy, model.client), model.input_channel
    if behind_channel or not before.published or type(before) is Channel:
        return Opaque(layers)
    return Opaque(lambda: nn.Sequential(CleanInput(before), layers()))


def _as_published(channel: Channel) -> Channel:
    """Return a channel, or one that tells of it only that it is not published, and whether it is random."""
    if channel.published:
        return channel
    plain = Channel()
    plain.published, plain.stochastic = False, channel.stochastic
    return plain


def call_attack(attack: Attack, seen: Observation) -> Tensor | Reconstruction:
    """Call an attack, and explain errors of one that uses what its access does not grant."""
    try:
        return attack.reconstruct(seen)
    except (AttributeError, TypeError) as error:
        missing = [name for name in GRANTED if getattr(seen, name) is None]
        if "NoneType" not in str(error) or not missing:
            raise
        raise TypeError(
            f"{message_of(error)}. With {attack.access} access, an attack is not given {', '.join(missing)}. Use "
            "what it is given, or declare another access."
        ) from error


def _traffic(
    query: Callable[[Tensor], Wire], private: ImageSet, attack: Attack, originals: Tensor, identity: object
) -> Wire | None:
    """Return wires of images from the end of the private pool, in random order, without those under attack.

    They come from the second half of the pool, so that they are the same however many images are attacked, unless it is
    more than half of them. Images of a source that is under attack, such as patches of one photograph, are left out,
    and so are those that equal one under attack to 8 bits.
    """
    attacked = len(originals)
    count = min(attack.traffic_count, len(private) // 2)
    first = max(len(private) - count, attacked)
    if first >= len(private):
        return None
    with seeded("traffic", identity):
        order = first + torch.randperm(len(private) - first)  # the pool has its classes in turn
        if private.sources is not None:
            order = order[~torch.isin(private.sources[order], private.sources[:attacked])]
        own = set(content_digests(originals))
        new = [content not in own for content in content_digests(private.images[order.to(private.images.device)])]
        order = order[torch.tensor(new, dtype=torch.bool)]
        if not len(order):
            return None
        images = private.images[order.to(private.images.device)]
        return query(images) if isinstance(query(images[:1]).payload, Tensor) else None


def overhear(model: SplitModel, images: Tensor) -> Wire:
    """Return what the adversary sees of any number of images (N, C, H, W), as a wire of N entries.

    Byte strings that nothing says how to read are read as their lengths and their bytes.
    """
    wire = Wire.join([_checked(model.overheard(part.clone()), part) for part in chunks(images)])
    unread = wire.view is byte_view and len(readings(model.ir_channel)) == 1
    return replace(wire, view=length_view) if unread else wire


def _checked(wire: Wire, images: Tensor) -> Wire:
    """Return the wire of images (N, C, H, W) if it has an entry for each of them.

    Raises:
        ContractError: If it is neither a dense tensor of N finite entries nor N byte strings that are not empty.
    """
    _check_packed(wire.packed)
    if isinstance(wire.payload, Tensor):
        _check_numbers(wire, wire.payload, len(images))
    else:
        _check_messages(wire.payload, len(images))
    return wire


def _check_numbers(wire: Wire, payload: Tensor, images: int) -> None:
    if payload.layout is not torch.strided or payload.is_nested or payload.is_quantized:
        kind = "a nested tensor" if payload.is_nested else f"{payload.dtype}, {payload.layout}"
        raise ContractError(f"Expected a dense tensor of numbers on the wire, got {kind}. Send its numbers as one.")
    if not payload.dim() or len(payload) != images:
        raise ContractError(
            f"Expected {count_of(images, 'entry', 'entries')}, one for each image, got a tensor "
            f"{tuple(payload.shape)}. Keep the first dimension."
        )
    if payload.dim() == 1:
        raise ContractError(
            f"Expected a tensor ({len(payload)}, ...) with a row for each image, got {tuple(payload.shape)}. Send "
            f"({len(payload)}, 1): add a dimension, as by unsqueeze(1)."
        )
    if not payload.numel():
        raise ContractError(
            f"Expected a tensor ({len(payload)}, ...) with a row of at least one number for each image, got "
            f"{tuple(payload.shape)}. Send at least one number for each image."
        )
    if not wire.tensor.isfinite().all():
        raise ContractError("Expected finite numbers on the wire, got NaN or infinity. Keep them in range.")


def _check_messages(payload: object, images: int) -> None:
    if not isinstance(payload, tuple) or not all(isinstance(each, bytes) for each in payload):
        kind = type(payload).__name__
        if isinstance(payload, tuple):
            kind = f"a tuple of {' and '.join(sorted({type(each).__name__ for each in payload}))}"
        raise ContractError(
            f"Expected a channel that returns a tensor, got {kind}. Return a tensor, or a tuple of byte strings."
        )
    if len(payload) != images:
        raise ContractError(
            f"Expected {count_of(images, 'byte string')}, one for each image, got {len(payload)}. Return one for each "
            "image."
        )
    if empty := payload.count(b""):
        raise ContractError(
            f"Expected byte strings of at least one byte, one for each image, got {empty} of {len(payload)} without "
            "any. Send what the server needs."
        )


def _check_packed(packed: object) -> None:
    try:
        positive = packed is None or float(cast(Any, packed)) > 0
    except (TypeError, ValueError):
        positive = False
    if not positive:
        raise ContractError(
            f"Expected packed_bytes to return the bytes of one image, a number above 0, got {packed!r}. Count those of "
            "one image, or return None."
        )


def _overhear_often(model: SplitModel, count: int, images: Tensor) -> Wire:
    return _merged(model, [overhear(model, images) for _ in range(count)])


def _merged(model: SplitModel, wires: list[Wire]) -> Wire:
    """Merge wires of the same images by the channel of the IR.

    Raises:
        Inapplicable: If they are ciphertexts.
    """
    if not isinstance(wires[0].payload, Tensor):
        raise Inapplicable(
            "Observations of ciphertexts cannot be merged, since each is encrypted with fresh randomness."
        )
    return Wire(model.ir_channel.merge(torch.stack([model.ir_channel.read(wire) for wire in wires])))


def _aux(pools: Pools, source: str) -> ImageSet:
    if source == "same_distribution":
        return _own(pools.aux)
    if source == "same_set":
        return _own(pools.train[: len(pools.aux)])
    if source == "random":
        return _noise_images(pools)
    raise ValueError(f"Expected aux_source to be same_set, same_distribution or random, got {source!r}.")


def _own(pool: ImageSet) -> ImageSet:
    """Copy a pool for an attack. Stored images no longer show the file, which holds images of other pools, too."""
    images = pool.images
    if not isinstance(images, StoredImages):
        return replace(pool.copy(), attributes=None)
    read = Opaque(lambda positions: images.source.read(images.rows[positions]))
    _, channels, height, width = images.shape
    sealed = _SealedPixels((len(images), channels, height, width), read)
    stored = StoredImages(sealed, torch.arange(len(images)), images.device)
    return replace(pool.copy(), images=stored, attributes=None)


@dataclass(frozen=True, eq=False)
class _SealedPixels:
    """Read images of one pool only."""

    shape: tuple[int, int, int, int]
    read: Opaque[[Tensor], Tensor]


def _noise_images(pools: Pools) -> ImageSet:
    """Draw Gaussian noise with the mean and standard deviation of the training images, and random labels.

    They are drawn from all classes with equal probability, or else from the labels of the attacker's images.
    """
    like = pools.aux.images
    with seeded("random aux", tuple(like.shape)):
        mean = pools.train.images.mean((0, 2, 3), keepdim=True)
        std = pools.train.images.std((0, 2, 3), keepdim=True)
        images = (mean + std * torch.randn_like(like)).clamp(0, 1)
        if pools.task == "classification":
            labels = torch.randint(0, len(pools.classes), (len(like),), device=like.device)
        else:
            labels = pools.aux.labels[torch.randperm(len(like)).to(like.device)]
        return replace(pools.aux, images=images, labels=labels, sources=None, attributes=None)
