"""The function ``mia_bench.leak``: what an attack recovers behind one split of a network."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, fields, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..datasets.arrays import Arrays
from ..errors import UsageError
from ..evaluation.strips import strip
from ..interfaces import ImageSet, Pools
from ..plan.image_lists import one_set
from ..plan.references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ..report.figures import check_installed
from ..utils.isolation import restored_state
from .result import Result, inline_png
from .running import Choice, run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEPT_FOR_TRAINING = 5
"""One image of so many that are not attacked stays with the victim, whose defense may need it."""


@dataclass(frozen=True, eq=False, repr=False)
class Leak:
    """State what an attack recovers behind one split of a network, with its images.

    Attributes:
        at: The last layer on the client.
        attack: The name of the attack.
        defense: The name of the defense.
        psnr_db: The mean PSNR of the reconstructions in dB.
        ssim: Their mean SSIM.
        identified: The share of reconstructions that are nearest to their original among the private images, at most
            1,000. None if it cannot be measured, as of a single image.
        identified_chance: The share that guessing identifies.
        mean_image_db: The mean PSNR of an attack that ignores the wire: what a leak of zero looks like.
        originals: The images under attack, (N, C, H, W) float32 in [0, 1].
        reconstructions: The reconstructions, (N, C, H, W) float32 in [0, 1].

    Example: See ``leak``, which returns one.
    """

    at: str
    attack: str
    defense: str
    psnr_db: float
    ssim: float
    identified: float | None
    identified_chance: float | None
    mean_image_db: float
    originals: NDArray[np.float32]
    reconstructions: NDArray[np.float32]

    def __repr__(self) -> str:
        """Return the numbers in one sentence."""
        known = "" if self.identified is None else f", {self.identified:.0%} of the images identified"
        against = "" if self.defense == REFERENCE_DEFENSE else f" against {self.defense}"
        return (
            f"Leak at {self.at} by {self.attack}{against}: {self.psnr_db:.2f} dB, SSIM {self.ssim:.3f}{known} "
            f"(mean image: {self.mean_image_db:.2f} dB)"
        )

    def _repr_html_(self) -> str:
        """Return the numbers, and originals above reconstructions."""
        drawn = strip(torch.from_numpy(self.originals), torch.from_numpy(self.reconstructions))
        return f"<div>{escape(repr(self))}</div>{inline_png(drawn)}"

    def plot(self, count: int = 8) -> Figure:
        """Draw originals above their reconstructions.

        Args:
            count: The largest number of images.

        Returns:
            The figure, which a notebook displays.

        Raises:
            UsageError: If matplotlib is not installed.
        """
        check_installed()
        from ..report.notebook_figure import image_rows

        rows = {"original": self.originals[:count], self.attack: self.reconstructions[:count]}
        return image_rows(rows, repr(self))


def leak(
    model: nn.Module | Choice,
    at: str,
    images: Any,
    *,
    aux: Any = None,
    count: int | None = None,
    attack: Choice = "ridge",
    defense: Choice | None = None,
    mean: float | list[float] | None = None,
    std: float | list[float] | None = None,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    out: str | Path | None = None,
    quiet: bool = True,
) -> Leak:
    """Measure what an attack recovers of images from what a network sends behind one split.

    Args:
        model: The network, which is not changed. It takes images in [0, 1], unless ``mean`` and ``std`` are given.
        at: The last layer on the client, such as ``layer2.1``.
        images: The private images, of which ``count`` are attacked: a tensor or an array (N, C, H, W), (N, H, W, C)
            or (N, H, W) of 8-bit values or floats in [0, 1], a list of images or PIL images, ``(images, labels)``, a
            torch ``Dataset`` or an ``ImageSet``.
        aux: The images of the attacker, which must differ from ``images``. Without them, a fifth of ``images`` is
            private, and most of the others are the attacker's.
        count: The number of private images to attack. Defaults to 64, or all if there are fewer.
        attack: The attack. ``auto`` is stronger than ``ridge`` and takes longer.
        defense: The defense. Defaults to none.
        mean: The mean that the network subtracts from each channel of images in [0, 1].
        std: The standard deviation by which each channel is then divided.
        seed: The random seed.
        device: The device to compute on.
        out: The folder of the results, which a second call resumes. Defaults to a temporary one.
        quiet: Whether to show neither progress nor messages.

    Returns:
        The scores with the images. A notebook displays both.

    Raises:
        UsageError: If the network, the split or the images cannot be used, several splits, attacks or defenses are
            given, or the attack does not apply.

    Example:
        >>> import mia_bench
        >>> found = mia_bench.leak(network, at="layer2.1", images=private, aux=public)  # doctest: +SKIP
        >>> found.psnr_db, found.identified  # doctest: +SKIP
        (21.4, 0.97)
    """
    dataset = _divided(images) if aux is None else {"private": one_set(images), "aux": one_set(aux)}
    given = model if mean is None and std is None else {"name": model, "mean": mean, "std": std}
    with tempfile.TemporaryDirectory() as temporary:
        result = run(
            dataset=dataset,
            model=given,
            split=at,
            attacks=attack,
            defenses=defense or REFERENCE_DEFENSE,
            seeds=seed,
            images=count,
            device=device,
            out=temporary if out is None else out,
            quiet=quiet,
        )
        return _leak(result)


def _leak(result: Result) -> Leak:
    """Return the row of the attack and the defense that were asked for, which are the last but for references."""
    rows = [record.row for record in result._run.records]
    _require_one("split", {row.split for row in rows})
    _require_one("attack", {(row.attack, row.attack_params) for row in rows if row.attack != REFERENCE_ATTACK})
    _require_one("defense", {(row.defense, row.defense_params) for row in rows if row.defense != REFERENCE_DEFENSE})
    _require_one("seed", {row.seed for row in rows})
    number = max(range(len(rows)), key=lambda index: (rows[index].attack != REFERENCE_ATTACK, index))
    row = rows[number]
    if row.psnr_db is None or row.ssim is None:
        if row.status == "inapplicable":
            raise UsageError(
                f"Expected an attack that applies at {row.split}, got {row.attack}, inapplicable: {row.reason}"
            )
        raise UsageError(
            f"Expected {row.attack} to give images at {row.split}, but it or what it needs failed: {row.reason}"
        )
    nothing = [each.psnr_db for each in rows if each.attack == REFERENCE_ATTACK and each.defense == row.defense]
    return Leak(
        at=row.split,
        attack=row.attack,
        defense=row.defense,
        psnr_db=row.psnr_db,
        ssim=row.ssim,
        identified=row.identified,
        identified_chance=result._run.records[number].details.get("identified_chance"),
        mean_image_db=nothing[-1] if nothing and nothing[-1] is not None else float("nan"),
        originals=result.originals,
        reconstructions=result.reconstructions[number],
    )


def _require_one(noun: str, found: set[Any]) -> None:
    if len(found) > 1:
        raise UsageError(
            f"Expected one {noun}, got {len(found)}. Give one, or call mia_bench.run, which takes several."
        )


def _divided(images: Any) -> Pools:
    """Divide images into a fifth that is private, and the others, most of which are the attacker's."""
    with restored_state():
        pools = Arrays.holding(one_set(images), {}).load(None)
    kept = max(1, (len(pools.train) + len(pools.aux)) // KEPT_FOR_TRAINING)
    given = max(0, len(pools.train) - kept)
    return replace(pools, aux=_joined(pools.aux, pools.train[:given]), train=pools.train[given:])


def _joined(one: ImageSet, other: ImageSet) -> ImageSet:
    """Return the images of two sets with all that is known of them."""
    pairs = {each.name: (getattr(one, each.name), getattr(other, each.name)) for each in fields(ImageSet)}
    return replace(one, **{name: torch.cat(pair) for name, pair in pairs.items() if isinstance(pair[0], Tensor)})
