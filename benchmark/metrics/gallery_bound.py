"""What no attacker can beat: the finite-gallery Bayes bound, and as information the bound of unbiased attackers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.stats import norm
from torch import Tensor

from ..interfaces import SplitModel
from ..utils.fingerprints import groups_of_equal
from .image_quality import PSNR_CEILING_DB
from .psnr_ceiling import max_expected_psnr

PASSES = 2048
"""About how many wires are drawn in all, so that the interval is as wide as the differences between images allow."""
FEWEST = 4
"""Wires drawn of each image at least."""
CHUNK = 500
"""Images in one pass through the client."""
LARGEST = 1000
"""Images of a gallery at most; if more are attacked, they are in several. One who knows in which knows more than
others, so what binds him binds them."""
CONFIDENCE = 0.999
"""Confidence of the bounds: each is the one-sided upper limit of an average over drawn wires."""
Z = float(norm.ppf(CONFIDENCE))
"""How many standard errors this limit is above the average."""
INFORMED = 64
"""Images over which the Fisher information is averaged."""


@dataclass(frozen=True)
class GalleryBound:
    """What the best conceivable attacker reaches on a gallery of images.

    All but the last are expectations over the noise that are estimated from drawn wires. What bounds is the upper limit
    of each estimate, with 99.9 % confidence; the estimates themselves, which an attacker may exceed, are beside them.

    Attributes:
        psnr_db: no attacker has a higher mean PSNR.
        psnr_of_mean_mse_db: no attacker has a higher PSNR of the mean squared error, 100 at most.
        identified: no attacker names the right image of the gallery, or one equal to it, more often, as a share.
        psnr_db_estimate: the average of which ``psnr_db`` is the limit.
        psnr_of_mean_mse_db_estimate: likewise.
        identified_estimate: likewise.
        dfil_unbiased_psnr_db: 10 log10 of the diagonal Fisher information leakage. It binds unbiased attackers only;
            real ones are biased and do better, so it is information and no bound.
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
        """All but the bound itself, by name."""
        named = {
            "bound_psnr_of_mean_mse_db": self.psnr_of_mean_mse_db,
            "bound_identified": self.identified,
            "bound_psnr_db_estimate": self.psnr_db_estimate,
            "bound_psnr_of_mean_mse_db_estimate": self.psnr_of_mean_mse_db_estimate,
            "bound_identified_estimate": self.identified_estimate,
            "dfil_unbiased_psnr_db": self.dfil_unbiased_psnr_db,
        }
        return {name: round(value, 5) for name, value in named.items() if value is not None}


def gallery_bound(model: SplitModel, images: Tensor, *, observations: int = 1) -> GalleryBound | None:
    """Bound every attacker on the wires of these images, also one who owns the gallery and the client's weights.

    If the true image is drawn uniformly from the gallery, the chances that it is x_j, given the wire v, are
    softmax_j log p(v | h_j), with h_j the clean IR. No answer has a smaller expected squared error than their mean
    image, none a higher expected PSNR than ``max_expected_psnr``; none names the image more often than the likeliest
    one. Averaged over wires, that bounds any map from wires to images. The two forms differ: the mean of PSNRs
    rewards an attacker with up to 100 dB for each image that is named outright, so its bound is far above the other
    one as soon as images can be told apart.

    The averages are over drawn wires, so they err; what is given as the bound is their upper limit. The bound is about
    the expectation over the noise, not about the luck of one run, and about attackers who rebuild each image from its
    own wires; the gallery is small, so it says "at most", never "at least".

    Args:
        model: the protected model.
        images: exactly the attacked images, (N, C, H, W); more than ``LARGEST`` are cut into galleries of equal size.
        observations: wires of each image that the attacker has. The densities of single wires are multiplied, which
            bounds whatever can be made of them, merged or not.

    Returns:
        The bound; None if the channel of the IR has no density, the images are noisy before the client, or the
        adversary sees something else than what the channel gives.

    Source: the Bayes risk under squared error is that of the posterior mean (Lehmann & Casella, Theory of Point
    Estimation, 1998, section 4.1); dFIL: Maeng, Guo, Kariyappa, Suh, NeurIPS 2023, equation 4.
    """
    kind = type(model)
    if model.input_channel.stochastic or (kind.send, kind.overheard) != (SplitModel.send, SplitModel.overheard):
        return None
    with torch.no_grad():
        clean = torch.cat([_clean(model, chunk) for chunk in images.split(CHUNK)])
        if model.ir_channel.log_density(clean[:1], model.ir_channel(clean[:1])) is None:
            return None
        parts = math.ceil(len(images) / LARGEST)
        found = [
            _within(model, *gallery, observations)
            for gallery in zip(images.chunk(parts), clean.chunk(parts), strict=True)
        ]
    (psnr, above), (error, off), (named, more) = (_average(draws) for draws in zip(*found, strict=True))
    return GalleryBound(
        psnr_db=min(PSNR_CEILING_DB, psnr + Z * above),
        psnr_of_mean_mse_db=_decibels(error - Z * off),
        identified=min(1.0, named + Z * more),
        psnr_db_estimate=psnr,
        psnr_of_mean_mse_db_estimate=_decibels(error),
        identified_estimate=named,
        dfil_unbiased_psnr_db=_unbiased_psnr(model, images[:INFORMED], observations),
    )


def _within(model: SplitModel, images: Tensor, clean: Tensor, observations: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of R wires of each image of one gallery, with its clean IRs: PSNR, squared error and chance of being named.

    Each is (R, N).
    """
    draws = max(FEWEST, PASSES // (len(images) * observations))
    beliefs = torch.stack([_belief(model, clean, observations) for _ in range(draws)])  # (R, N, N)
    psnr = max_expected_psnr(beliefs.flatten(0, 1), images).view(draws, -1)
    flat = images.flatten(1).double()
    error = torch.stack([_error(belief, flat) for belief in beliefs])
    groups = groups_of_equal(images)
    of_content = torch.zeros_like(beliefs).index_add_(2, groups, beliefs)  # equal images share their chances
    return psnr, error, of_content.amax(2)


def _average(draws: Sequence[Tensor]) -> tuple[float, float]:
    """The mean over all images of galleries, each (R, N), and its standard error over the drawn wires."""
    images = sum(each.shape[1] for each in draws)
    mean = sum(each.mean(0).sum().item() for each in draws) / images
    variance = sum((each.var(0) / len(each)).sum().item() for each in draws) / images**2
    return mean, math.sqrt(variance)


def _clean(model: SplitModel, images: Tensor) -> Tensor:
    return model.ir_channel.clean(model.client(model.input_channel.clean(images)))


def _belief(model: SplitModel, clean: Tensor, observations: int) -> Tensor:
    """One wire, or several, of each image, and what it tells: chances (N, N), a line for each image sent."""
    total = torch.zeros(len(clean), len(clean), dtype=torch.float64, device=clean.device)
    for _ in range(observations):
        for line, sent in zip(total, model.ir_channel(clean), strict=True):
            density = model.ir_channel.log_density(clean, sent.expand_as(clean))
            assert density is not None
            line += density.double()
    return total.softmax(1)


def _error(belief: Tensor, flat: Tensor) -> Tensor:
    """The expected squared error of the posterior mean for each wire, (N,), from chances (N, N) and images (N, D).

    Taken under the belief rather than against the image sent: over all images it is the same on average, and the
    rare wires that mislead are counted without waiting for one.
    """
    return (belief @ flat.square() - (belief @ flat).square()).mean(1).clamp(min=0)


def _decibels(error: float) -> float:
    return min(PSNR_CEILING_DB, -10 * math.log10(max(error, 1e-12)))


def _unbiased_psnr(model: SplitModel, images: Tensor, observations: int) -> float | None:
    """10 log10 of dFIL, which is E |gradient of log p(v | x)|^2 / D, and for Gaussian noise |J|^2 / (sigma^2 D)."""
    with torch.enable_grad():
        seen = images.detach().clone().requires_grad_()
        value = _clean(model, seen)
        if not value.requires_grad:
            return None
        squares = []
        for _ in range(FEWEST):
            density = model.ir_channel.log_density(value, model.ir_channel(value.detach()))
            assert density is not None
            (gradient,) = torch.autograd.grad(density.sum(), seen, retain_graph=True)
            squares.append(gradient.square().flatten(1).mean(1).mean().item())
    leakage = observations * sum(squares) / len(squares)
    return 10 * math.log10(leakage) if leakage > 0 else None
