"""Adam in the box of images, for many independent images at once."""

from __future__ import annotations

import torch
from torch import Tensor

from .lbfgs import FadingLoss

LEARNING_RATE = 0.1
"""Largest change of a pixel in the first step; the rate falls to zero along a cosine. With EfficientNet-Lite0 at 224
pixels on a side, three photographs, 600 steps and the best weight of a constant prior, rates of 0.05 and 0.1 gave 32.1
and 35.0 dB behind the first expansion, 24.9 and 26.6 dB behind the first residual sum, 18.0 and 19.8 dB behind the
second."""


def minimize_by_adam(loss: FadingLoss, start: Tensor, *, iterations: int) -> Tensor:
    """Minimize a loss for each image independently, over pixels in [0, 1].

    Each pixel has its own scale, and the loss may rise between steps, so the search leaves the narrow valleys of
    networks with batch normalization and depthwise convolutions, in which L-BFGS ends early. Its first steps are long
    and as noisy as the gradient, which a strong prior smooths; a weak one suits the last steps, which are short.

    Source: Kingma & Ba, ICLR 2015, "Adam"; cosine annealing, Loshchilov & Hutter, ICLR 2017; continuation in the weight
    of the prior, Hale, Yin, Zhang, SIAM J. Optim. 2008, "Fixed-point continuation".

    Args:
        loss: Maps some of the images to their losses, by the share of the steps that are done.
        start: The initial images, (N, C, H, W).
        iterations: Evaluations of the loss and its gradient.

    Returns:
        Images (N, C, H, W) in [0, 1].
    """
    images = start.detach().clamp(0, 1).requires_grad_(True)
    index = torch.arange(len(images), device=images.device)
    optimizer = torch.optim.Adam([images], LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, iterations)
    with torch.enable_grad():
        for step in range(iterations):
            optimizer.zero_grad(set_to_none=True)
            # the sum trains each image as if it were the only one, since Adam ignores the scale of a gradient
            loss(images, index, (step + 1) / iterations).sum().backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                images.clamp_(0, 1)
    return images.detach()
