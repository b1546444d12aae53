"""The options of a run, declared once for the command line and Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, field_validator, model_validator

from ..errors import UsageError
from ..plan.lists import list_specs
from ..utils.declaration import Declaration
from ..utils.extras import require_extra


class RunOptions(Declaration):
    """Describe where and how a plan is computed.

    Attributes:
        out: The results folder.
        data_dir: The folder of the data. None means the default folder of each dataset.
        device: The device to compute on. ``auto`` means CUDA if torch finds it, else the CPU.
        jobs: The number of worker processes. None means 1, and with Ray as many as the cluster has room for.
        cell_timeout: The seconds that a cell may take after its target is trained. None means no limit.
        engine: What runs the workers.
        address: ``HOST:PORT`` of a Ray cluster, or ``auto`` on one of its machines. None means the Ray cluster that
            this process is connected to, or else a local one for this run.
        gpus_per_cell: The share of a GPU that Ray gives to each worker, from 0 to 1. None means 1 on CUDA devices.
        perceptual: The perceptual measures that are computed as well: ``lpips``, ``lpips:backbone=FILE`` and
            ``imagenet_distance``, as a list or a text with commas between them.
        keep_images: Whether all reconstructions are kept in the results folder, beside the strips of the first ten.

    Example:
        >>> RunOptions(out="results", jobs=2, device="cpu").torch_device
        device(type='cpu')
    """

    out: Path = Field(default=Path("results"), description="the path of a folder")
    data_dir: Path | None = Field(default=None, description="the path of a folder")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto, cpu or cuda")
    jobs: int | None = Field(default=None, strict=True, ge=1, description="a whole number of at least 1, such as 2")
    cell_timeout: float | None = Field(
        default=None, strict=True, ge=1e-3, allow_inf_nan=False, description="a number of seconds of at least 0.001"
    )
    engine: Literal["local", "ray"] = Field(default="local", description="local or ray")
    address: str | None = Field(default=None, description="HOST:PORT of a Ray head, or auto")
    gpus_per_cell: float | None = Field(
        default=None, strict=True, ge=0, le=1, allow_inf_nan=False, description="a number from 0 to 1"
    )
    perceptual: tuple[str, ...] = Field(default=(), description="lpips, lpips:backbone=FILE or imagenet_distance")
    keep_images: bool = Field(default=False, description="true or false")

    @field_validator("perceptual", mode="before")
    @classmethod
    def _lists_measures(cls, value: Any) -> Any:
        return list_specs(value)

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.out.exists() and not self.out.is_dir():
            raise UsageError(
                f"Expected out to be a folder, which need not exist, got the file {self.out}. Choose another."
            )
        if self.data_dir is not None and not self.data_dir.is_dir():
            what = f"the file {self.data_dir}" if self.data_dir.exists() else f"{self.data_dir}, which does not exist"
            raise UsageError(
                f"Expected data_dir to be a folder, got {what}. Give the folder that holds the data, or leave it out."
            )
        for name in ("address", "gpus_per_cell"):
            if self.engine == "local" and getattr(self, name) is not None:
                raise UsageError(f"Expected {name} only with engine ray, got engine local. Set the engine to ray.")
        if self.gpus_per_cell and self.device == "cpu":
            raise UsageError(
                f"Expected device auto or cuda with gpus_per_cell {self.gpus_per_cell:g}, got cpu. Leave one out."
            )
        if self.gpus_per_cell == 0 and self.device == "cuda":
            raise UsageError("Expected gpus_per_cell to be more than 0 with device cuda, got 0. Leave one of them out.")
        if self.engine == "ray":
            require_extra("ray", "ray")
        return self

    @property
    def torch_device(self) -> torch.device:
        """The device to compute on in this process. With Ray this process only reads data, so it is the CPU.

        Raises:
            UsageError: If CUDA is requested but not available.
        """
        if self.engine == "ray":
            return torch.device("cpu")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise UsageError("Expected a CUDA device for device cuda, but torch finds no CUDA device. Use auto or cpu.")
        return torch.device("cuda" if self.device != "cpu" and torch.cuda.is_available() else "cpu")
