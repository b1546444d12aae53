"""Functions of images and models: quality, leakage, bounds, intervals and costs."""

from .image_quality import accuracy, psnr, ssim
from .intervals import interval

__all__ = ["accuracy", "interval", "psnr", "ssim"]
