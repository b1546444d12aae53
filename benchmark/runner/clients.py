"""What the client of a setting computes and sends for one image, from one pass through the untrained network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ..evaluation.artifacts import Artifacts
from ..metrics.graph_numbers import run_with_graph
from ..metrics.macs import counted_macs
from ..plan.cells import Setting


@dataclass(frozen=True)
class ClientSize:
    """What a client without a defense computes and sends for one image.

    Attributes:
        macs: Multiply-accumulate operations.
        wire_numbers: Numbers of the IR.
        graph_numbers: Numbers that are kept for the gradient with respect to the image; see ``run_with_graph``.

    Example:
        >>> ClientSize(macs=156800, wire_numbers=6272, graph_numbers=9344).wire_numbers
        6272
    """

    macs: int
    wire_numbers: int
    graph_numbers: int


def client_of(setting: Setting, artifacts: Artifacts) -> ClientSize | None:
    """Run the untrained client of a setting once; None for those of plug-ins, which run in worker processes only."""
    if setting.in_worker:
        return None
    target = artifacts.targets.structure(setting.dataset, setting.model)
    return run_once(target.split(setting.split).client, artifacts.facts(setting.dataset).image_shape)


def run_once(layers: nn.Module, image_shape: tuple[int, int, int]) -> ClientSize:
    """Run layers once on an image (C, H, W).

    Example:
        >>> run_once(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), (1, 8, 8)).macs
        640
    """
    with counted_macs() as counter:
        sent, graph_numbers = run_with_graph(layers, torch.zeros(image_shape))
    return ClientSize(counter.macs, sent.numel(), graph_numbers)
