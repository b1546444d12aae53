"""Small networks that go through the steps of a sequence in a loop."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


class Reading(nn.Module):
    """Goes through the rows of a map one by one, with a state of zeros, as recurrent networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.cell = nn.GRUCell(4 * 8, 6)
        self.fc = nn.Linear(6, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        state = torch.zeros(images.size(0), self.cell.hidden_size).to(images.device)
        for row in range(maps.shape[2]):
            state = self.cell(maps[:, :, row].flatten(1), state)
        return self.fc(state)


class Stepping(nn.Module):
    """Goes through the steps that a function makes of a sequence, with a cell and a state."""

    def __init__(self, steps: Callable[[Tensor], Iterable[Tensor]]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.cell = nn.GRUCell(4, 6)
        self.fc = nn.Linear(6, 5)
        self.steps = steps

    def forward(self, images: Tensor) -> Tensor:
        sequence = self.conv(images).mean(3).permute(2, 0, 1)
        state = images.new_zeros(images.shape[0], 6)
        for step in self.steps(sequence):
            state = self.cell(step, state)
        return self.fc(state)
