"""The finite-gallery Bayes bound on every attacker, and the Fisher information that bounds unbiased attackers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from scipy.special import stdtrit
from torch import Tensor, nn

from ..interfaces import Channel, SplitModel
from ..utils.fingerprints import groups_of_equal
from .gradients import gradient
from .image_quality import PSNR_CEILING_DB
from .psnr_ceiling import max_expected_psnr

TOTAL_WIRES = 2048
"""Approximate number of wires drawn in all, so that the width of the interval is dominated by the images."""
MIN_WIRES_PER_IMAGE = 4
"""Least number of wires drawn of each image."""
MIN_DRAWS = 512
"""Least number of draws of all images together, however many wires each of them has: fewer do not show rare values."""
BLOCK_NUMBERS = 2**15
"""Numbers of the pairs of wires and IRs whose densities are computed at once (128 kB)."""
GALLERY_BATCH_IMAGES = 500
"""Images in one pass through the client."""
MAX_GALLERY_IMAGES = 1000
"""Most images of a gallery. More attacked images are divided into several galleries. An attacker who knows the gallery
of an image knows more than others, so a bound on this attacker holds for all."""
CONFIDENCE = 0.999
"""Confidence of the bounds. Each is the one-sided upper limit of an average over drawn wires."""
FISHER_IMAGES = 64
"""Images over which the Fisher information is averaged."""
FISHER_ERROR = 0.02
"""Relative standard error of the Fisher information at which no more wires are drawn (0.09 dB)."""
MAX_FISHER_DRAWS = 4096
"""Most wires drawn of these images for the Fisher information, which a few numbers tell only after many."""


@dataclass(frozen=True)
class GalleryBound:
    """Upper bounds on what any attacker achieves on a gallery of images.

    All attributes except the last are expectations over the noise, estimated from drawn wires. The bounds are the upper
    limits of the estimates with 99.9 % confidence. The estimates themselves may be exceeded by an attacker.

    Attributes:
        psnr_db: Upper bound on the mean PSNR, in dB.
        psnr_of_mean_mse_db: Upper bound on the PSNR of the mean squared error, in dB, at most 100.
        identified: Upper bound on the share of images for which an attacker names the right image of the gallery, or
            one equal to it. In [0, 1].
        psnr_db_estimate: The average whose upper limit is ``psnr_db``.
        psnr_of_mean_mse_db_estimate: The average whose upper limit is ``psnr_of_mean_mse_db``.
        identified_estimate: The average whose upper limit is ``identified``.
        dfil_unbiased_psnr_db: 10 log10 of the diagonal Fisher information leakage, or None if it is not defined. It
            bounds unbiased attackers only. Real attackers are biased and do better, so it is not a bound on them.

    Example:
        >>> bound = GalleryBound(24.1, 22.3, 0.4, 23.9, 22.2, 0.38, dfil_unbiased_psnr_db=None)
        >>> bound.details["bound_identified_gallery"]
        0.4
    """

    psnr_db: float
    psnr_of_mean_mse_db: float
    identified: float
    psnr_db_estimate: float
    psnr_of_mean_mse_db_estimate: float
    identified_estimate: float
    dfil_unbiased_psnr_db: float | None

    @property
    def details(self) -> dict[str, float]:
        """All values except ``psnr_db``, by the names that records use, rounded to five decimals."""
        named = {
            "bound_psnr_of_mean_mse_db": self.psnr_of_mean_mse_db,
            "bound_identified_gallery": self.identified,
            "bound_psnr_db_estimate": self.psnr_db_estimate,
            "bound_psnr_of_mean_mse_db_estimate": self.psnr_of_mean_mse_db_estimate,
            "bound_identified_estimate": self.identified_estimate,
            "dfil_unbiased_psnr_db": self.dfil_unbiased_psnr_db,
        }
        return {name: round(value, 5) for name, value in named.items() if value is not None}


def gallery_bound(model: SplitModel, images: Tensor, *, observations: int = 1) -> GalleryBound | None:
    """Bound every attacker on the wires of these images, even one who has the gallery and the weights of the client.

    If the true image is drawn uniformly from the gallery, its posterior probabilities given the wire v are
    softmax_j log p(v | h_j), where h_j is the IR of image x_j. No reconstruction has a smaller expected squared
    error than the posterior mean, and none has a higher expected PSNR than ``max_expected_psnr``. No attacker names the
    image more often than one who names the most probable image. The averages of these values over wires bound every
    map from wires to images. The two PSNR bounds differ: the mean of PSNRs rewards an attacker with up to 100 dB for
    each image that is identified with certainty, so its bound is far higher as soon as images can be distinguished.

    The averages are estimated from drawn wires, so the upper limit of each estimate is reported as the bound. It bounds
    the expectation over the noise, not a single lucky run, and attackers that reconstruct each image from its own
    wires. The gallery is small, so the result is an upper bound only, never a lower bound. See
    docs/explanation/bounds.md.

    Args:
        model: The protected model.
        images: Exactly the attacked images, (N, C, H, W). More than 1,000 are divided into galleries of equal size.
        observations: Number of wires of each image that the attacker has. The densities of the wires are multiplied,
            so the bound holds for every use of them, merged or not.

    Returns:
        The bound. If the images are noisy before the client, it is that of an attacker who has the noisy images, from
        which the wire is computed. None if the noise has no density, or if the adversary observes something other than
        the output of the channel.

    Source: the posterior mean minimizes the Bayes risk under squared error (Lehmann & Casella, Theory of Point
    Estimation, 1998, section 4.1); dFIL: Maeng, Guo, Kariyappa, Suh, NeurIPS 2023, equation 4.
    """
    kind = type(model)
    if (kind.send, kind.overheard) != (SplitModel.send, SplitModel.overheard):
        return None
    if model.input_channel.stochastic:  # The wire is computed from the noisy image, so it reveals no more.
        model = replace(model, client=nn.Sequential(), input_channel=Channel(), ir_channel=model.input_channel)
    with torch.no_grad():
        irs = torch.cat([_irs(model, chunk) for chunk in images.split(GALLERY_BATCH_IMAGES)])
        if model.ir_channel.log_density(irs[:1], model.ir_channel(irs[:1])) is None:
            return None
        parts = math.ceil(len(images) / MAX_GALLERY_IMAGES)
        galleries = [
            _bound_draws(model, *gallery, observations)
            for gallery in zip(images.chunk(parts), irs.chunk(parts), strict=True)
        ]
    averages = [_average(each) for each in zip(*galleries, strict=True)]
    (psnr, psnr_error), (mse, mse_error), (named, named_error) = averages
    return GalleryBound(
        psnr_db=min(PSNR_CEILING_DB, psnr + psnr_error),
        psnr_of_mean_mse_db=_decibels(mse - mse_error),
        identified=min(1.0, named + named_error),
        psnr_db_estimate=psnr,
        psnr_of_mean_mse_db_estimate=_decibels(mse),
        identified_estimate=named,
        dfil_unbiased_psnr_db=_unbiased_psnr(model, images[:FISHER_IMAGES], observations),
    )


def _bound_draws(model: SplitModel, images: Tensor, irs: Tensor, observations: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw R wires of each image of one gallery and bound what they reveal.

    Args:
        model: The protected model.
        images: The gallery, (N, C, H, W).
        irs: The IR of each image, as it enters the channel, (N, ...).
        observations: Number of wires in one draw.

    Returns:
        The largest expected PSNR in dB, the smallest expected squared error, and the largest probability of naming the
        image, each (R, N).
    """
    few = math.ceil(MIN_DRAWS / len(images))
    draws = max(MIN_WIRES_PER_IMAGE, few, TOTAL_WIRES // (len(images) * observations))
    posteriors = _posteriors(model, irs, draws, observations)
    psnr = max_expected_psnr(posteriors.flatten(0, 1), images).view(draws, -1)
    mse = _posterior_variance(posteriors, images)
    groups = groups_of_equal(images)
    by_content = torch.zeros_like(posteriors).index_add_(2, groups, posteriors)  # Equal images share probability.
    return psnr, mse, by_content.amax(2)


def _average(draws: Sequence[Tensor]) -> tuple[float, float]:
    """Return the mean over all images of all galleries, each (R, N), and how far its upper limit is above it."""
    images = sum(each.shape[1] for each in draws)
    mean = sum(each.mean(0).sum().item() for each in draws) / images
    variance = sum((each.var(0) / len(each)).sum().item() for each in draws) / images**2
    freedom = sum(each.shape[1] * (len(each) - 1) for each in draws)
    return mean, float(stdtrit(freedom, CONFIDENCE)) * math.sqrt(variance)


def _irs(model: SplitModel, images: Tensor) -> Tensor:
    return model.client(model.input_channel.clean(images))


def _posteriors(model: SplitModel, irs: Tensor, draws: int, observations: int) -> Tensor:
    """Draw the wires of each image R times. Return the posterior probabilities (R, N, N), a row for each image sent."""
    images, passes = len(irs), draws * observations
    total = torch.zeros(draws, images, images, dtype=torch.float64, device=irs.device)
    wires = max(1, BLOCK_NUMBERS // irs.numel())
    for some in torch.arange(passes, device=irs.device).split(max(1, wires // images)):
        sent = torch.cat([model.ir_channel(irs) for _ in some])
        densities = torch.cat([_log_densities(model, irs, part) for part in sent.split(wires)])
        total.index_add_(0, some // observations, densities.view(-1, images, images))
    return total.softmax(2)


def _log_densities(model: SplitModel, irs: Tensor, sent: Tensor) -> Tensor:
    """Return the log-likelihoods (M, N) of M wires (M, ...) given each of N IRs (N, ...), in float64."""
    count = len(sent), len(irs)
    pairs = irs.expand(*count, *irs.shape[1:]), sent.unsqueeze(1).expand(*count, *sent.shape[1:])
    density = model.ir_channel.log_density(*(each.flatten(0, 1) for each in pairs))
    assert density is not None
    return density.double().view(count)


def _posterior_variance(posteriors: Tensor, images: Tensor) -> Tensor:
    """Return the expected squared error per pixel of the posterior mean for each wire, (R, N).

    The expectation is taken under the posterior, not against the image that was sent. The average over all images is
    the same, and rare misleading wires are included without having to be drawn. It is half the expected squared
    distance of two images that are drawn from the posterior, so that no mean image has to be computed for each wire.

    Args:
        posteriors: Probabilities (R, N, N), one row for each wire.
        images: The gallery, (N, C, H, W).
    """
    flat = images.flatten(1).double()
    squares = torch.cdist(flat, flat, compute_mode="use_mm_for_euclid_dist").square() / flat.shape[1]  # (N, N)
    return (posteriors @ squares * posteriors).sum(2) / 2


def _decibels(error: float) -> float:
    return min(PSNR_CEILING_DB, -10 * math.log10(max(error, 1e-12)))


def _unbiased_psnr(model: SplitModel, images: Tensor, observations: int) -> float | None:
    """Return 10 log10 of dFIL, or None if it is zero or the gradient is not defined.

    dFIL is E |gradient of log p(v | x)|^2 / D. For Gaussian noise it is |J|^2 / (sigma^2 D).
    """
    with torch.enable_grad():
        inputs = images.detach().clone().requires_grad_()
        value = _irs(model, inputs)
        squares: list[float] = []
        while len(squares) < MIN_WIRES_PER_IMAGE or (
            len(squares) < MAX_FISHER_DRAWS and _relative_error(squares) > FISHER_ERROR
        ):
            density = model.ir_channel.log_density(value, model.ir_channel(value.detach()))
            assert density is not None
            score = gradient(density.sum(), inputs, keep_graph=True)
            if score is None:
                return None
            squares.append(score.square().flatten(1).mean(1).mean().item())
    leakage = observations * sum(squares) / len(squares)
    return 10 * math.log10(leakage) if leakage > 0 else None


def _relative_error(values: Sequence[float]) -> float:
    """Return the standard error of the mean of these values, over that mean; zero if all are zero."""
    numbers = torch.tensor(values, dtype=torch.float64)
    center = numbers.mean().item()
    return numbers.std().item() / math.sqrt(len(numbers)) / center if center else 0.0
