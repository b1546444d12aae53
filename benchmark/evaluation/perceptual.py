"""Perceptual measures of reconstructions, which need weights of other networks or large images."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ...models._weights import fill, read_weights
from ..errors import UsageError, message_of
from ..metrics import lpips, ms_ssim
from ..metrics.feature_distance import feature_distance
from ..registry.literals import parse
from ..utils.extras import require_extra

ASKED = ("lpips", "imagenet_distance")
"""The measures that are computed where they are asked for. ``ms_ssim`` needs no weights and is always computed."""
IMAGENET_SIZE = 224
"""Height and width of the images that the network of ``imagenet_distance`` was trained on."""
CHANNELS = 3
BACKBONE_NOTE = "lpips_backbone"
"""The name of the note in a record that says by which backbone its LPIPS was computed."""
PREFIX = "features."
"""What the names of the weights of AlexNet's convolutional layers begin with."""


class Unavailable(Exception):
    """A measure cannot be computed here. The message says why.

    Example:
        >>> raise Unavailable("It needs images of at least 31 pixels a side.")
        Traceback (most recent call last):
        ...
        mia_bench.benchmark.evaluation.perceptual.Unavailable: It needs images of at least 31 pixels a side.
    """


Measure = Callable[[Tensor, Tensor], Tensor]
"""Computes one value for each pair of a reconstruction and its original, (N,)."""


@dataclass(frozen=True)
class PerceptualMeasures:
    """Name the perceptual measures that are computed beside MS-SSIM.

    Attributes:
        specs: Each measure, as ``lpips``, ``lpips:backbone=FILE`` or ``imagenet_distance``.

    Example:
        >>> PerceptualMeasures(("lpips:backbone=alexnet.pth",)).names
        ['lpips']
    """

    specs: tuple[str, ...] = ()

    @classmethod
    def of(cls, specs: Sequence[str]) -> PerceptualMeasures:
        """Check that measures exist and that the packages which they need are installed.

        Raises:
            UsageError: If not, or a parameter is unknown, the file of a backbone cannot be read, or a measure is asked
                for with different parameters.
        """
        for spec in specs:
            _refuse_unknown(spec)
        wanted = cls(tuple(dict.fromkeys(specs)))
        if len(set(wanted.names)) < len(wanted.specs):
            raise UsageError(f"Expected each perceptual measure once, got {', '.join(wanted.specs)}. Leave one out.")
        return wanted

    @property
    def names(self) -> list[str]:
        """The names of the measures."""
        return [parse(spec)[0] for spec in self.specs]

    def obstacles(self, image_shape: Sequence[int]) -> dict[str, str]:
        """Return the measures that cannot be computed for images (C, H, W), by name, each with the reason."""
        found = {}
        for spec in self.specs:
            try:
                _measure(spec, image_shape)
            except Unavailable as error:
                found[parse(spec)[0]] = message_of(error)
        return found

    def compute(self, images: Tensor, originals: Tensor) -> tuple[dict[str, float], dict[str, str]]:
        """Compare reconstructions (N, C, H, W) with their originals.

        Returns:
            The mean of each measure over the images, by column, and for each that cannot be computed the reason.
        """
        columns, reasons = {}, {}
        rebuilt, originals = images.detach().cpu().float(), originals.detach().cpu().float()
        for spec in ("ms_ssim", *self.specs):
            name = parse(spec)[0]
            try:
                values = _measure(spec, originals.shape[1:])(rebuilt, originals)
                columns[name] = round(values.double().mean().item(), 5)
            except Unavailable as error:
                reasons[name] = message_of(error)
        return columns, {name: reason for name, reason in reasons.items() if name != "ms_ssim"}

    def notes(self, columns: Mapping[str, float]) -> dict[str, str]:
        """Return what a record must say of its measures: the SHA-256 of the weights of the backbone of LPIPS.

        Args:
            columns: The measures that were computed.
        """
        file = self._backbone() if "lpips" in columns else None
        return {} if file is None else {BACKBONE_NOTE: _sha256(file, *_version(file))}

    def is_outdated(self, notes: Mapping[str, str]) -> bool:
        """Return whether a record has LPIPS of another backbone than the one that is asked for.

        Records of earlier versions do not say which one they used. They are outdated if a file is named now.

        Args:
            notes: The notes of a record that has LPIPS.
        """
        file = self._backbone()
        if file is None:
            return False
        if BACKBONE_NOTE not in notes:
            return any(parse(spec)[1] for spec in self.specs)
        return notes[BACKBONE_NOTE] != _sha256(file, *_version(file))

    def _backbone(self) -> Path | None:
        """Return the file of the backbone of LPIPS. None if LPIPS is not asked for, or cannot be computed."""
        for name, params in map(parse, self.specs):
            if name == "lpips":
                try:
                    return Path(params["backbone"]) if "backbone" in params else _cached_backbone()
                except Unavailable:
                    return None
        return None


MS_SSIM_ALONE = PerceptualMeasures()
"""No perceptual measure beside MS-SSIM."""


def _refuse_unknown(spec: str) -> None:
    name, params = parse(spec)
    if name == "ms_ssim" and not params:
        raise UsageError(
            f"Expected lpips or imagenet_distance, got ms_ssim, which is always computed for images of at least "
            f"{ms_ssim.SMALLEST} pixels a side. Leave it out."
        )
    if name not in ASKED:
        raise UsageError(f"Expected perceptual measures among {', '.join(ASKED)}, got {name!r}. Correct the name.")
    known = {"backbone"} if name == "lpips" else set[str]()
    if unknown := sorted(params.keys() - known):
        raise UsageError(
            f"The measure {name!r} has no parameter {unknown[0]!r}. Its parameters: {', '.join(known) or 'none'}."
        )
    if name == "imagenet_distance":
        _efficientnet()
        return
    require_extra("perceptual", "lpips")
    if "backbone" in params:
        _lpips_of(Path(params["backbone"]))


def _measure(spec: str, image_shape: Sequence[int]) -> Measure:
    """Return the function of a measure.

    Raises:
        Unavailable: If it cannot compare images of this shape, (C, H, W), or a file is missing.
    """
    name, params = parse(spec)
    smallest = {"lpips": lpips.SMALLEST, "ms_ssim": ms_ssim.SMALLEST}.get(name, 1)
    if min(image_shape[1:]) < smallest:
        raise Unavailable(f"It needs images of at least {smallest} pixels a side, got {tuple(image_shape[1:])}.")
    if name == "ms_ssim":
        return ms_ssim.ms_ssim
    if image_shape[0] not in (1, CHANNELS):
        raise Unavailable(f"It needs gray or color images, got {image_shape[0]} channels.")
    if name == "imagenet_distance":
        return lambda a, b: feature_distance(a, b, features=_efficientnet(), size=IMAGENET_SIZE)
    given = params.get("backbone")
    return _lpips_of(Path(given) if given else _cached_backbone())


def _cached_backbone() -> Path:
    """Return the file of AlexNet in torch's cache, where torchvision puts it."""
    from torchvision.models import AlexNet_Weights

    path = Path(torch.hub.get_dir()) / "checkpoints" / AlexNet_Weights.DEFAULT.url.rpartition("/")[2]
    if not path.is_file():
        raise Unavailable(
            f"Expected the weights of torchvision's AlexNet in {path}, got no such file. Download them from "
            f"{AlexNet_Weights.DEFAULT.url}, or give a file: lpips:backbone=FILE."
        )
    return path


def _version(path: Path) -> tuple[int, int]:
    """Return what changes with the content of a file."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@cache
def _sha256(path: Path, *version: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _lpips_of(backbone: Path) -> nn.Module:
    return _lpips(backbone, *(_version(backbone) if backbone.is_file() else ()))


@cache
def _lpips(backbone: Path, *version: int) -> nn.Module:
    """Return LPIPS with AlexNet's weights from a file, and the linear weights of the package ``lpips``."""
    from torchvision.models import alexnet

    with torch.device("meta"):  # most weights of the whole network are not needed
        layers = cast(nn.Sequential, alexnet().features).to_empty(device="cpu")
    weights = {name: each for name, each in read_weights(backbone).items() if name.startswith(PREFIX)}
    fill(layers, {name.removeprefix(PREFIX): each for name, each in weights.items()}, str(backbone))
    package = Path(cast(str, cast(ModuleSpec, importlib.util.find_spec("lpips")).origin)).parent
    linear = read_weights(package / "weights" / "v0.1" / "alex.pth")
    heads = [linear[f"lin{index}.model.1.weight"] for index in range(len(lpips.TAPS))]
    return lpips.Lpips(layers, heads)


@cache
def _efficientnet() -> nn.Module:
    """Return EfficientNet-Lite0 with its published weights, from images in [0, 1] to the means of its last features."""
    from ...models.efficientnet_lite0 import EfficientnetLite0

    component = EfficientnetLite0.model_validate({})
    network = component.network((CHANNELS, IMAGENET_SIZE, IMAGENET_SIZE), 0).eval().requires_grad_(False)
    mean, std = component.recommended_normalization()
    return _Features(network, mean[0], std[0])


class _Features(nn.Module):
    """The mean over all places of the last feature maps of an EfficientNet."""

    def __init__(self, network: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.network, self.mean, self.std = network, mean, std

    def forward(self, images: Tensor) -> Tensor:
        maps = cast(Any, self.network).extract_features((images - self.mean) / self.std)  # (N, 1280, 7, 7)
        return maps.mean((2, 3))
