"""Small networks whose outputs are not the logits of their images."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional


class Answering(nn.Module):
    """Returns something else than logits."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 5)
        self.kind = kind

    def forward(self, images: Tensor) -> object:
        logits = self.fc(images.mean((2, 3)))
        return {
            "dict": {"out": logits, "aux": logits},
            "named": OrderedDict(out=logits),
            "tuple": (logits, logits),
            "map": images,
            "joined": logits.reshape(1, -1),
            "top": logits.argmax(1, keepdim=True),
            "constant": self.fc.bias.expand(len(images), -1),
        }[self.kind]


class Casting(nn.Module):
    """Computes with fewer digits under autocast."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 5)

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.fc(images.mean((2, 3))).float()


class Broken(nn.Module):
    """Has lost its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 5)
        nn.init.constant_(self.fc.weight, float("nan"))

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(images.mean((2, 3)))


class Dropping(nn.Module):
    """Forgets that it is not trained."""

    def forward(self, images: Tensor) -> Tensor:
        return functional.dropout(images).mean((2, 3))
