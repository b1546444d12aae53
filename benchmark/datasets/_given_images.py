"""Images from arrays and tensors of any usual layout and type."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UsageError
from ..interfaces.images import MAX_CHANNELS
from ..interfaces.stored_images import StoredImages

MAX_PIXEL = 255
"""The largest 8-bit value of a pixel."""
OVERSHOOT = 0.25
"""By how much images in [0, 1] may be outside after an interpolation. Others are taken for normalized or unscaled."""


def is_array(value: object) -> bool:
    """Return whether a value is a tensor, a NumPy array, or converts itself to one, as a pandas object does."""
    return isinstance(value, Tensor) or hasattr(value, "__array__")


def as_array(value: Any) -> NDArray[Any]:
    """Return a tensor, an array or a list as an array.

    Raises:
        UsageError: If a tensor has no array, such as a sparse one.
    """
    if isinstance(value, Tensor):
        try:
            dense = value.detach().cpu()
            value = dense.float().numpy() if dense.dtype is torch.bfloat16 else dense.numpy()
        except (NotImplementedError, RuntimeError, TypeError) as error:
            raise UsageError(
                f"Expected dense tensors with values, got one that is {value.dtype}, {value.layout} on "
                f"{value.device}. Convert it, for example by to_dense() or float()."
            ) from error
    elif isinstance(value, list | tuple) and any(isinstance(each, Tensor) for each in value):
        value = np.stack([as_array(each) for each in value])
    return np.asarray(value)


def as_images(given: Any, where: str) -> Tensor:
    """Return images (N, C, H, W) float32 in [0, 1].

    Args:
        given: Images (N, C, H, W), (N, H, W, C) or (N, H, W): whole numbers from 0 to 255, or floats in [0, 1]. The
            axis of the channels is the one that is shorter than the two others.
        where: What they are, for messages.

    Raises:
        UsageError: If the layout or the values are others. The message says how to convert them.

    Example:
        >>> as_images(np.zeros((2, 8, 9, 3), np.uint8), "images").shape
        torch.Size([2, 3, 8, 9])
    """
    if isinstance(given, StoredImages):
        return given
    pixels = as_array(given)
    if pixels.dtype.kind not in "biuf":
        raise UsageError(
            f"Expected {where} to be numbers, got an array of type {pixels.dtype}. Stack them in one array."
        )
    pixels = _channels_first(pixels, where)
    if not pixels.size:
        raise UsageError(f"Expected {where} to hold at least one image, got an array {pixels.shape}. Add images.")
    return torch.from_numpy(np.ascontiguousarray(scaled(pixels, where)))


def _channels_first(pixels: NDArray[Any], where: str) -> NDArray[Any]:
    if pixels.ndim == 4:
        first, height, width = pixels.shape[1:]
        if first < min(height, width):
            return pixels
        if width < min(first, height):
            return pixels.transpose(0, 3, 1, 2)
        raise UsageError(
            f"Expected {where} (N, C, H, W) or (N, H, W, C) with fewer channels than pixels a side, got "
            f"{pixels.shape}. Give an ImageSet, whose images are (N, C, H, W)."
        )
    if pixels.ndim == 3 and min(pixels.shape[0], pixels.shape[2]) > MAX_CHANNELS:
        return pixels[:, None]
    mend = {
        2: "Give images[None, None] for one gray image, or reshape rows of pixels.",
        3: "Give images[None] for one image, or images[:, None] for gray ones.",
    }
    raise UsageError(
        f"Expected {where} (N, C, H, W), (N, H, W, C) or (N, H, W), got {pixels.shape}. "
        f"{mend.get(pixels.ndim, 'Reshape them.')}"
    )


def scaled(pixels: NDArray[Any], where: str) -> NDArray[np.float32]:
    """Return pixels, whole numbers from 0 to 255 or floats in [0, 1], as float32 in [0, 1].

    Raises:
        UsageError: If they are others, or whole numbers of which the largest is 1, which may be white or nearly black.
    """
    low, high = float(pixels.min()), float(pixels.max())
    whole = pixels.dtype.kind in "iu"
    if whole and low >= 0 and high <= MAX_PIXEL and (high > 1 or (high == 0 and pixels.dtype == np.uint8)):
        return pixels.astype(np.float32) / np.float32(MAX_PIXEL)
    if not whole and low >= 0 and high <= 1:
        return pixels.astype(np.float32)
    if not np.isfinite([low, high]).all():
        mend = "Replace NaN and infinity."
    elif not whole and low >= -OVERSHOOT and high <= 1 + OVERSHOOT:
        mend = "Clip them to [0, 1]: interpolation and rounding leave values slightly outside."
    elif low < 0:
        mend = (
            "If they are normalized, multiply them by the standard deviation and add the mean, and give both as the "
            "parameters mean and std of the model."
        )
    elif whole and high <= 1:
        mend = "Convert them to floats if 1 is white."
    elif high <= MAX_PIXEL:
        mend = "Divide them by 255."
    else:
        mend = f"Divide them by their largest possible value, for example {2**16 - 1} for 16-bit images."
    raise UsageError(
        f"Expected {where} as 8-bit whole numbers or floats in [0, 1], got {pixels.dtype} from {low:.9g} to "
        f"{high:.9g}. {mend}"
    )
