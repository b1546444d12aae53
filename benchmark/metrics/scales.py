"""The scales of the scores: their ranges and thresholds. This module imports no torch."""

from __future__ import annotations

PSNR_CEILING_DB = 100.0
"""PSNR of identical images, in dB. It is finite, so that means stay finite."""
RECOGNISABLE_SSIM = 0.3
"""Least SSIM at which He, Zhang, Lee (ACSAC 2019, section 4) call an image recognizable."""
SCORE_DECIMALS = 5
"""Decimals of the mean scores in a row. The scores of single images in its record are not rounded."""

RANGES = {"psnr_db": (0.0, PSNR_CEILING_DB), "ssim": (-1.0, 1.0)}
"""Smallest and largest score of one image, by column. Confidence intervals of the mean are clipped to it."""
ROUNDING = {"psnr_db": 0.02, "ssim": 0.002}
"""How far the scores of two runs with the same network may differ. Runs with other numbers of jobs were equal."""
