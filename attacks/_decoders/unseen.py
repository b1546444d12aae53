"""Answers of a linear decoder to images that it was not fitted to."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .._limits import forward_batch_size
from .fitting import apply
from .folds import MAX_HELD_OUT, NUM_FOLDS, owners_of
from .linear import LinearDecoder
from .queries import Queries

OVERFITTED = 0.9
"""Share of the error on images to tune on below which that on the images of the fit is too small to learn from. On
CIFAR-10 at relu32 with 10,000 images, where it is 0.99, answers to unseen images bring nothing."""


def answers_to_learn_from(linear: LinearDecoder, queries: Queries) -> Tensor:
    """Answer each query by a linear decoder as well as it would answer a new image, (K, C, H, W) in [0, 1].

    A linear decoder is better on the images that it was fitted to than on others: with 1,000 images of MNIST at relu2,
    its squared error is a third. A network that is trained to correct such answers learns to leave them as they are.

    Args:
        linear: The decoder, fitted to the attacker's images among the queries.
        queries: The images and their wires, which are kept.
    """
    module, every = linear.module(), torch.arange(queries.trainable, device=queries.images.device)
    seen, new = (
        (_answers(module, queries, some) - queries.images[some]).square().mean()
        for some in (every[: min(queries.own, MAX_HELD_OUT)], queries.tune)
    )
    return unseen_answers(linear, queries) if seen < OVERFITTED * new else _answers(module, queries, every)


def unseen_answers(linear: LinearDecoder, queries: Queries) -> Tensor:
    """Answer each query by a linear decoder that was fitted without its image, (K, C, H, W) in [0, 1].

    The images are divided into folds, and each is answered by a decoder of the same form and strength that was fitted
    to the other folds. Variations belong to the fold of their image, and images of one source to one fold.

    Args:
        linear: The decoder, fitted to the attacker's images among the queries.
        queries: The images and their wires, which are kept.

    Source: Wolpert, Neural Networks 5 (1992) 241, "Stacked generalization", section 2.
    """
    own, owners = queries.own, owners_of(queries.own, queries.sources).to(queries.images.device)
    units = int(owners.max()) + 1
    folds = min(NUM_FOLDS, units)
    fold = (torch.randperm(units, device=owners.device) % folds)[owners]
    image = torch.arange(queries.trainable, device=queries.images.device) % own  # of which a query is a variation
    answers = torch.empty_like(queries.images[: queries.trainable])
    for number in range(folds):
        others, asked = (fold != number).nonzero().flatten(), (fold[image] == number).nonzero().flatten()
        answers[asked] = _answers((linear.refit(others) if len(others) else linear).module(), queries, asked)
    return answers


def _answers(decoder: nn.Module, queries: Queries, index: Tensor) -> Tensor:
    """Compute the answers of a decoder to some queries, given by their indices (B,), (B, C, H, W)."""
    parts = index.split(forward_batch_size(queries.observed[0]))
    return torch.cat([apply(decoder, queries.wires(part)) for part in parts])
