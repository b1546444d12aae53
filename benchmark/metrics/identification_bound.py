"""How often any attacker identifies an image from its wires under local differential privacy, whatever the network."""

from __future__ import annotations

import math
import re

import torch
from scipy.special import ndtr, ndtri
from torch import Tensor

from ..interfaces import Promise
from ..utils.fingerprints import groups_of_equal

LOCAL = re.compile(r"\blocal|\bLDP\b", re.IGNORECASE)
"""Words of a guarantee whose epsilon is that of an image on the wire, not of training images."""
LARGEST_EXPONENT = 700.0
"""Largest number whose exponential is not infinite, in round numbers."""


def identification_bound(promise: Promise, images: Tensor, *, observations: int = 1) -> float | None:
    """Return the largest expected share of images that any attacker identifies from their own wires, or None.

    Let each wire be noise around a value in a ball of radius C. Compare it with noise Q around the center of the ball.
    The answers "it is image i" exclude each other, so their probabilities under Q add up to at most 1. For Gaussian
    noise, an event of probability q under Q has at most the probability Phi(Phi^-1(q) + C / sigma) given any value in
    the ball (Neyman-Pearson). This is concave in q, so its average over N images is at most its value at 1 / N. n wires
    of one image count like one with C / sigma multiplied by sqrt(n). For Laplacian noise of scale b, the probability is
    at most min(exp(n C / b) q, 1 - exp(-n C / b) (1 - q)), which is concave, too. What is computed from such wires, by
    rounding or by layers, reveals no more. Wires that are secret say as much as a wire that is the same for all images,
    so the bound is 1 / N.

    An attacker who knows that the wires are of different images may match all wires with all images, which excludes
    answers. Such an attacker can identify more: 92 % in place of 84 % of two opposite values at C = sigma. Wires that
    are secret do not allow it.

    Args:
        promise: What the defense guarantees.
        images: The attacked images, (N, C, H, W). If the largest group of equal images has k of them, naming it once
            identifies k, so k / N replaces 1 / N. In the bound by epsilon, the same steps over groups of equal images
            give (exp(epsilon) k + (N - k) delta) / (exp(epsilon) k + N - k).
        observations: Number of wires of each image that the attacker has.

    Example:
        >>> promise = Promise("(9.997, 1e-05)-local DP", gaussian_reach=1.0)
        >>> images = torch.arange(100.0).view(100, 1, 1, 1) / 100
        >>> round(identification_bound(promise, images), 3)
        0.092

    Source: the comparison with a fixed reference: Hayes, Mahloujifar, Balle, NeurIPS 2023, "Bounding training data
    reconstruction in DP-SGD", Theorem 2; trade-off functions: Dong, Roth, Su, 2019, "Gaussian differential privacy";
    definition of DP and its composition: Dwork, Roth, 2014, "The algorithmic foundations of differential privacy",
    Definition 2.4 and Theorem 3.16.
    """
    guess = torch.bincount(groups_of_equal(images)).max().item() / len(images)
    if promise.secrecy:
        return guess
    if promise.gaussian_reach is not None:
        return float(ndtr(ndtri(guess) + math.sqrt(observations) * promise.gaussian_reach))
    if promise.laplacian_reach is not None:
        spent = observations * promise.laplacian_reach
        tail = 1 - math.exp(-spent) * (1 - guess)
        return min(tail, guess * math.exp(min(spent, LARGEST_EXPONENT)))
    if promise.epsilon is not None and promise.delta is not None and LOCAL.search(promise.guarantee):
        weight = guess * math.exp(min(observations * promise.epsilon, LARGEST_EXPONENT))
        return min(1.0, (weight + (1 - guess) * observations * promise.delta) / (weight + 1 - guess))
    return None
