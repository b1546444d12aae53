"""How many images are processed at a time, so that large ones fit into memory.

The limits depend on shapes alone and not on the machine, so that results are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from ..benchmark.metrics.graph_numbers import run_with_graph
from ..benchmark.metrics.macs import count_macs
from ..benchmark.training import SMALLEST_BATCH

MAX_BATCH_IMAGES = 500
"""Images in one pass through a network, at most."""

MAX_WIRE_NUMBERS = 2**25
"""Numbers that their wires have together, at most (128 MB); other layers may have some times more."""

MAX_GRAPH_NUMBERS = 2**24
"""Numbers that are kept for the gradient of such images, at most (64 MB). With eight times as many, an evaluation takes
up to twice as long for each image, since its layers fit neither the processor's cache nor memory that is used again;
with fewer, it is not faster."""

MAX_COPY_NUMBERS = 2**26
"""Numbers of wires that are copied to measure something of them, at most (256 MB)."""


def forward_batch_size(wire: Tensor) -> int:
    """Return how many wires like this one (...) go through a network without gradients at a time."""
    return max(1, min(MAX_BATCH_IMAGES, MAX_WIRE_NUMBERS // max(1, wire.numel())))


def backward_batch_size(client: nn.Module, image: Tensor) -> int:
    """Return how many images (C, H, W) go through a client at a time, with gradients with respect to them."""
    return max(1, MAX_GRAPH_NUMBERS // max(1, run_with_graph(client, image)[1]))


def sample_size(wire: Tensor, most: int) -> int:
    """Return how many wires like this one (...) are copied at a time, at most ``most``."""
    return max(1, min(most, MAX_COPY_NUMBERS // max(1, wire.numel())))


MAX_QUERY_MACS = 1e12
"""Multiply-accumulate operations spent on sending images through a network: about a minute of one core."""

MAX_SEARCH_MACS = 3e12
"""Multiply-accumulate operations spent on the search for one image: about three minutes of one core."""

GRADIENT_COST = 3
"""Operations of an evaluation with its gradient, in those of the client: one pass forward, and two backward."""

MIN_ITERATIONS = 150
"""Evaluations that are always allowed, whatever they cost."""

MIN_QUERIES = 1000
"""Images that may always be sent, whatever they cost."""


def max_query_images(call: Callable[[Tensor], object], images: Tensor) -> int:
    """Return how many images a network may be given, at least ``MIN_QUERIES``; LeNet-5 never reaches the limit.

    Args:
        call: The network.
        images: Some images (K, C, H, W), on which its operations are counted.
    """
    each = count_macs(call, images) / len(images)
    return max(MIN_QUERIES, int(MAX_QUERY_MACS / max(each, 1.0)))


def affordable_iterations(client: Callable[[Tensor], object], image: Tensor, wanted: int) -> int:
    """Return how many times a search may evaluate a client and its gradient for one image (C, H, W).

    The limit holds for each image, so that the result does not depend on how many are attacked. A client of 1 GMAC may
    be evaluated 1,000 times.
    """
    each = GRADIENT_COST * count_macs(client, image[None])
    return max(1, min(wanted, max(MIN_ITERATIONS, int(MAX_SEARCH_MACS / max(each, 1)))))


def affordable_searches(client: Callable[[Tensor], object], image: Tensor, iterations: int, *, macs: float) -> int:
    """Return how many searches for images like this one (C, H, W) take so many operations, at least one.

    Args:
        client: A network that is evaluated with its gradient.
        image: What it is given, (C, H, W).
        iterations: Evaluations of each search.
        macs: Multiply-accumulate operations that may be spent.
    """
    return max(1, int(macs / max(GRADIENT_COST * count_macs(client, image[None]) * iterations, 1)))


def least_steps(wanted: int, *, passes: int, most: int, allowed: int | None = None) -> int:
    """Return how many steps each pass over an attacker's images has, at least, however few they are.

    Args:
        wanted: Steps of a pass, by the attack's recipe.
        passes: Over the images.
        most: Steps in all that the user allows.
        allowed: Images that may be sent in all, if each step sends its own.
    """
    most = most if allowed is None else min(most, allowed // SMALLEST_BATCH)
    return max(1, min(wanted, most // passes))
