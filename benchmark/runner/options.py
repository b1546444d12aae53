"""Where and how a plan is computed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from ..errors import UsageError


@dataclass(frozen=True)
class RunOptions:
    """On what, from where and to where a plan runs."""

    out: Path
    data_dir: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    jobs: int | None = None
    cell_timeout: float | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    gpus_per_cell: float | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            UsageError: if something does not, or Ray is wanted and absent.
        """
        if self.out.exists() and not self.out.is_dir():
            raise UsageError(
                f"cannot write results to {self.out}: it is a file; expected a folder, which need not exist"
            )
        for option, value in (("--address", self.address), ("--gpus-per-cell", self.gpus_per_cell)):
            if self.engine == "local" and value is not None:
                raise UsageError(f"{option} is {value}, which has a meaning only with --engine ray")
        if not 0 <= (self.gpus_per_cell or 0) <= 1:
            raise UsageError(f"--gpus-per-cell is {self.gpus_per_cell}; it must be between 0 and 1")
        if self.gpus_per_cell and self.device == "cpu":
            raise UsageError(f"--gpus-per-cell is {self.gpus_per_cell:g}, and --device is cpu; allowed are auto, cuda")
        if self.gpus_per_cell == 0 and self.device == "cuda":
            raise UsageError("--gpus-per-cell is 0, and --device is cuda; it must be more, and at most 1")
        if self.engine == "ray" and importlib.util.find_spec("ray") is None:
            raise UsageError("--engine is ray, and Ray is not installed: pip install 'mia-bench[ray]'")

    @property
    def torch_device(self) -> torch.device:
        """The device to compute on in this process: with Ray it only reads data, and needs no GPU.

        Raises:
            UsageError: if CUDA is asked for and absent.
        """
        if self.engine == "ray":
            return torch.device("cpu")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise UsageError("--device is cuda, and torch finds no CUDA device; allowed here: auto, cpu")
        return torch.device("cuda" if self.device != "cpu" and torch.cuda.is_available() else "cpu")
