"""How much memory a worker process needs at most."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import cast

from ..evaluation.pool_loader import Facts
from ..interfaces import Attack
from ..plan.cells import Cell
from .clients import ClientSize

BASE_BYTES = 850 * 2**20
"""A process that has imported everything and scores reconstructions (measured)."""
DATA_COPIES = 2.5
"""How often all images are held at most, together with what is computed from them (measured)."""
OBSERVED_COPIES = 2.1
"""Copies of several wires of each image that are held at most: one by one, and joined (measured)."""
DECODER_BYTES = 32 * 16 * 4
"""For each pixel of a batch: 32 channels of about 16 maps that are kept for the gradient."""
DECODER_BATCH, FEW_IMAGES, FEW_PIXELS, FEW_BATCH = 64, 25 * 64, 2**14, 4
"""Images of a batch; the number of images below which it has so many pixels, and so many images at least
(``attacks/_decoders/fitting.py``)."""
GRADIENT_BYTES, WORK_BYTES, SCALE_IMAGES = 2**26, 2**27, 16
"""What a search keeps for gradients of several images at most (``attacks/_limits.py``), what it works with beside that
(measured), and the images of which it has gradients at least."""
CHOSEN_COPIES = 4 * 6 * 32
"""Copies of an image that a search holds while it chooses its settings: on four images with six weights, of which it
keeps ten steps, two copies each, and what it works with (``attacks/_inversion/tuning.py``)."""
JACOBIAN_BYTES = 2**29
"""What Jacobians take, roughly."""
QUERY_BYTES, QUERY_COPIES = 2**31, 6
"""What queries keep at most (``attacks/_decoders/queries.py``); their images and wires, with copies of which decoders
are made (measured)."""
SAMPLE_IMAGES, SAMPLE_NUMBERS, SAMPLE_COPIES = 1000, 2**26, 12
"""Queries and numbers of their wires from which a decoder takes its scales, at most (``queries.py``, ``_limits.py``),
and copies that it makes of these meanwhile (measured)."""

QUERIES, DECODER, SEARCH, JACOBIAN = "queries", "decoder", "search", "jacobian"
EVERYTHING = frozenset({QUERIES, DECODER, SEARCH})
NEEDS = {
    "mean_image": frozenset[str](),
    **dict.fromkeys(("nearest", "ridge"), frozenset({QUERIES})),
    **dict.fromkeys(("ridge_skip", "black_box", "encoder_decoder", "auto_black_box"), frozenset({QUERIES, DECODER})),
    **dict.fromkeys(("white_box", "unsplit"), frozenset({SEARCH})),
    "pinv": frozenset({JACOBIAN}),
    "deep_prior": frozenset({DECODER, SEARCH}),
    "shadow_query": frozenset({QUERIES, SEARCH}),
}
"""What attacks keep, by their names. All others, and those of plug-ins, may keep everything."""


def process_bytes(cells: Sequence[Cell], client: ClientSize, facts: Facts) -> int:
    """Return the bytes of a process that computes cells of one setting: its libraries and data, and the largest attack.

    Args:
        cells: The cells, at least one.
        client: What the client computes and sends.
        facts: Those of the dataset.
    """
    attacked = 4 * 4 * cells[0].setting.images * max(client.wire_numbers, prod(facts.image_shape))
    largest = max(_attack_bytes(cell, client, facts) + _observed_bytes(cell, client) for cell in cells)
    return _data_bytes(facts) + attacked + largest


def training_bytes(network: ClientSize, facts: Facts, *, batch: int) -> int:
    """Return the bytes of a process that trains a target.

    Args:
        network: What the whole network computes.
        facts: Those of the dataset.
        batch: Images of a step.
    """
    return _data_bytes(facts) + WORK_BYTES + 4 * batch * network.graph_numbers


def _data_bytes(facts: Facts) -> int:
    return BASE_BYTES + round(DATA_COPIES * facts.bytes_in_memory)


def _attack_bytes(cell: Cell, client: ClientSize, facts: Facts) -> int:
    """Return what an attack keeps: its queries, and a decoder or a search, one after the other."""
    needs = NEEDS.get(cell.attack.name, EVERYTHING)
    numbers = QUERY_COPIES * facts.aux * max(client.wire_numbers, prod(facts.image_shape))
    one = 4 * client.graph_numbers
    graph = min(max(GRADIENT_BYTES, one), one * max(cell.setting.images, SCALE_IMAGES))
    parts = {
        DECODER: _decoder_bytes(facts),
        SEARCH: WORK_BYTES + graph + 4 * CHOSEN_COPIES * prod(facts.image_shape),
        JACOBIAN: JACOBIAN_BYTES,
    }
    queries = min(QUERY_BYTES, 4 * numbers) if QUERIES in needs else 0
    if queries and DECODER in needs:
        sample = min(SAMPLE_NUMBERS, min(facts.aux, SAMPLE_IMAGES) * client.wire_numbers)
        queries += 4 * SAMPLE_COPIES * sample
    return queries + max((size for name, size in parts.items() if name in needs), default=0)


def _observed_bytes(cell: Cell, client: ClientSize) -> int:
    """Return what several wires of each image take while they are recorded."""
    count = cast(Attack, cell.attack.component).observations
    return round(OBSERVED_COPIES * 4 * count * cell.setting.images * client.wire_numbers) if count > 1 else 0


def _decoder_bytes(facts: Facts) -> int:
    pixels = facts.image_shape[1] * facts.image_shape[2]
    batch = DECODER_BATCH if facts.aux >= FEW_IMAGES else min(DECODER_BATCH, max(FEW_BATCH, FEW_PIXELS // pixels))
    return DECODER_BYTES * pixels * batch
