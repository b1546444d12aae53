"""Answers of a linear decoder to images that it was not fitted to."""

from __future__ import annotations

import torch
from torch import Tensor

from .._limits import forward_batch_size
from .fitting import apply
from .folds import NUM_FOLDS
from .linear import LinearDecoder
from .queries import Queries


def unseen_answers(linear: LinearDecoder, queries: Queries) -> Tensor:
    """Answer each query by a linear decoder that was fitted without its image, (K, C, H, W) in [0, 1].

    A linear decoder is better on the images that it was fitted to than on others: with 1,000 images of MNIST at relu2,
    its squared error is a third. A network that is trained to correct such answers learns to leave them as they are.
    Here the images are divided into folds, and each is answered by a decoder of the same form and strength that was
    fitted to the other folds. Variations belong to the fold of their image.

    Args:
        linear: The decoder, fitted to the attacker's images among the queries.
        queries: The images and their wires, which are kept.

    Source: Wolpert, Neural Networks 5 (1992) 241, "Stacked generalization", section 2.
    """
    own, folds = queries.own, min(NUM_FOLDS, queries.own)
    fold = torch.randperm(own, device=queries.images.device) % folds
    image = torch.arange(queries.trainable, device=queries.images.device) % own  # of which a query is a variation
    answers = torch.empty_like(queries.images[: queries.trainable])
    for number in range(folds):
        others = (fold != number).nonzero().flatten()
        module = (linear.refit(others) if len(others) else linear).module()
        for part in (fold[image] == number).nonzero().flatten().split(forward_batch_size(queries.observed[0])):
            answers[part] = apply(module, queries.wires(part))
    return answers
