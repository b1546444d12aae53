"""How much memory a worker process needs at most."""

from __future__ import annotations

import torch

from ..evaluation.artifacts import Artifacts
from ..plan.cells import Setting

BASE_BYTES = 700 * 2**20
"""A process that has imported everything (measured)."""
DECODER_BYTES = 32 * 16 * 4
"""For each pixel of a batch: 32 channels of about 16 maps that are kept for the gradient."""
DECODER_BATCH, FEW_IMAGES, FEW_PIXELS, FEW_BATCH = 64, 25 * 64, 2**14, 4
"""Images of a batch; the number of images below which it has so many pixels, and so many images at least
(``attacks/_decoders/fitting.py``)."""
GRADIENT_BYTES = 2**29
"""What optimization keeps at most (``attacks/_limits.py``)."""
QUERY_BYTES = 2**31
"""What queries keep at most (``attacks/_decoders/queries.py``)."""


def process_bytes(artifacts: Artifacts, setting: Setting) -> int:
    """Return the bytes of one process: its libraries and data, and the largest attack."""
    facts = artifacts.facts(setting.dataset)
    client = artifacts.targets.structure(setting.dataset, setting.model).split(setting.split).client
    image = torch.zeros(1, *facts.image_shape)
    wire, pixels = client(image).numel(), image.shape[2] * image.shape[3]
    data = 2 * facts.bytes_in_memory
    queries = min(QUERY_BYTES, 2 * 4 * facts.aux * max(wire, image.numel()))
    attacked = 4 * 4 * setting.images * max(wire, image.numel())
    batch = DECODER_BATCH if facts.aux >= FEW_IMAGES else min(DECODER_BATCH, max(FEW_BATCH, FEW_PIXELS // pixels))
    return BASE_BYTES + data + queries + attacked + max(GRADIENT_BYTES, DECODER_BYTES * pixels * batch)
