"""Small networks that are hard to divide."""

from collections import OrderedDict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import transforms
from torchvision.transforms import v2
from torchvision.transforms.functional import normalize


class Sized(nn.Module):
    """Reads the batch size at the beginning and uses it at the end, as much published code does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.deep = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 8 * 8, 5)

    def forward(self, images: Tensor) -> Tensor:
        count = images.size(0)
        height, width = images.shape[-2:]
        maps = self.deep(functional.relu(self.conv(images)))
        return self.fc(maps.reshape(count, 4 * height * width))


class Block(nn.Module):
    """A residual block whose first activation overwrites its input, which the skip then reads."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        changed = self.conv(self.relu(maps))
        changed += maps
        return changed


class Writing(nn.Module):
    """Overwrites tensors in every way that is common."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.block = Block(4)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.block(self.conv(images))
        maps = functional.relu(maps, inplace=True)
        maps.mul_(2)
        return self.fc(maps.mean((2, 3)))


class Assigning(nn.Module):
    """Writes to a part of a tensor by its index, as networks that shift channels or mask pixels do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        shifted = torch.zeros_like(maps)
        shifted[:, :2, 1:] = maps[:, :2, :-1]
        shifted[:, 2:, :-1] = maps[:, 2:, 1:]
        shifted[:, 0] += 1
        shifted[shifted < 0] = 0
        return self.fc(shifted.mean((2, 3)))


class Transforming(nn.Module):
    """Resizes and normalizes images itself, by what torchvision has for that."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.transforms = nn.Sequential(transforms.Resize(6), transforms.Normalize([0.5] * 3, [0.2] * 3, inplace=True))
        self.normalize = v2.Normalize([0.5] * 3, [0.2] * 3)
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        if self.kind == "functions":
            images = v2.functional.resize(images, [6, 6])
            images = normalize(images, [0.5] * 3, [0.2] * 3)
        else:
            images = self.normalize(images) if self.kind == "v2" else self.transforms(images)
        return self.fc(self.conv(images).relu().mean((2, 3)))


class Attending(nn.Module):
    """A transformer of one block, whose class token is made before the images are looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.positions = nn.Parameter(torch.randn(1, 17, 8))
        self.patches = nn.Conv2d(3, 8, 2, 2)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        token = self.token.expand(images.shape[0], -1, -1)
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([token, patches], 1) + self.positions
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return self.head(self.norm(tokens)[:, 0])


class Transposing(nn.Module):
    """Reads attributes of tensors in front of layers that take them, one of them inside a module."""

    class Twice(nn.Module):
        """Gives a layer's output, transposed twice."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.LayerNorm(8)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.layer(tokens).mT.mT

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 2, 2)
        self.norm = self.Twice()
        self.head = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.norm(self.patches(images).flatten(2).mT)).mean(1)


class Flagged(nn.Module):
    """Has an argument beside the images, and a test of it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: Tensor, with_maps: bool = False) -> Tensor:
        maps = self.conv(images)
        if with_maps:
            return maps
        return self.fc(maps.mean((2, 3)))


class Deciding(nn.Module):
    """Does what the images say."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 5)

    def forward(self, images: Tensor) -> Tensor:
        means = images.mean((2, 3))
        if means.sum() > 0:
            means = means * 2
        return self.fc(means)


class Checking(nn.Module):
    """Looks at the size of the images, as published code does before it goes to work."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.fc = nn.Linear(3, 5)

    def forward(self, images: Tensor) -> Tensor:
        count, _, height, width = images.shape
        if height % 2 or width != height:
            raise ValueError("expected even squares")
        maps = self.conv(images)
        if min(maps.shape[2], 16) < 8:
            maps = functional.relu(maps)
        return self.fc(maps.mean((2, 3))).reshape(count, -1)


class Inside(nn.Module):
    """Holds a module that does what the images say."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.decide = Deciding()

    def forward(self, images: Tensor) -> Tensor:
        return self.decide(self.conv(images))


class Tied(nn.Module):
    """Uses one convolution in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.fc = nn.Linear(3, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.conv(functional.relu(self.conv(images))).mean((2, 3)))


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


class Squaring(nn.Module):
    """Uses a number that follows from the number of images, but is not a multiple of it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        count = images.shape[0] * images.shape[0]
        return functional.relu(self.conv(images)).mean((2, 3)) / count


class Counting(nn.Module):
    """Uses a number that follows from the values of the images."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1)
        self.fc = nn.Linear(5, 5)

    def forward(self, images: Tensor) -> Tensor:
        scale = images.flatten(1).amax(1).view(-1, 1)
        maps = self.conv(images)
        return self.fc(maps.mean((2, 3))) * scale


class Flattening(nn.Module):
    """Flattens the maps in front of its last layer by a function."""

    def __init__(self, flatten: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.flatten = flatten
        self.pool = nn.AdaptiveAvgPool1d(5)

    def forward(self, images: Tensor) -> Tensor:
        return self.pool(self.flatten(self.conv(images)))


class Filling(nn.Module):
    """Makes tensors of zeros and ones as large as others."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.deep = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        ones, zeros = torch.ones_like(images[:, :1]), images.new_zeros(images.shape[0], 4, 1, 1)
        maps = self.deep(functional.relu(self.conv(images))) + zeros + ones
        return self.fc(maps.mean((2, 3)))


class Encoding(nn.Module):
    """Has the encoder of torch between its patches and its last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 2, 2)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(8))
        self.fc = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.encoder(self.patches(images).flatten(2).transpose(1, 2)).mean(1))


class Naming(nn.Module):
    """Names its layers like methods of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.normalize, self.insert = nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3)
        self.places = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        return self.places(self.insert(self.normalize(images))).float().to(images.dtype).mean((2, 3))


class Dropping(nn.Module):
    """Forgets that it is not trained."""

    def forward(self, images: Tensor) -> Tensor:
        return functional.dropout(images).mean((2, 3))


class Measuring(nn.Module):
    """Takes the length of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        count = len(images)
        return functional.relu(self.conv(images)).reshape(count, 4 * 6 * 6)


class Converting(nn.Module):
    """Converts the type of its values."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 3), nn.Linear(144, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = functional.relu(self.conv(images.type(torch.float32)))
        return self.last(maps.type(torch.float32).flatten(1))


class Ordering(nn.Module):
    """Has the order of its channels in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("order", torch.tensor([2, 0, 1]))

    def forward(self, images: Tensor) -> Tensor:
        return images[:, self.order].mean((2, 3))


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


class Parting(nn.Module):
    """Computes outputs for a few images at a time."""

    def __init__(self, parts: Callable[[Tensor], Iterable[Tensor]]) -> None:
        super().__init__()
        self.fc, self.parts = nn.Linear(3, 5), parts

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.fc(part.mean((2, 3))) for part in self.parts(images)])


class Rooting(nn.Module):
    """Computes the side of a square map from the number of its pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        pixels = self.conv(images).flatten(2)
        side = int(pixels.shape[2] ** 0.5)
        half = float(side) / 2
        return pixels.reshape(-1, 4, side, side).relu().mean((2, 3)) / half


class Scaling(nn.Module):
    """Asks for a number that depends on what is in the images."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) / float(images.max())


class Rectified(nn.BatchNorm2d):
    """A batch normalization with its activation."""

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(super().forward(maps))


class Centered(nn.Module):
    """A batch normalization that is written anew."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        mean = maps.mean((0, 2, 3)) if self.training else self.running_mean
        if self.training:
            self.running_mean.lerp_(mean.detach(), 0.1)
        return maps - mean[:, None, None]


class Normalized(nn.Module):
    """Normalizes by a class outside torch."""

    def __init__(self, normalization: nn.Module) -> None:
        super().__init__()
        self.conv, self.normalization, self.fc = nn.Conv2d(3, 4, 3, bias=False), normalization, nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.normalization(self.conv(images)).mean((2, 3)))


class Forgetting(nn.Module):
    """Drops numbers by a function, but only if it is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = functional.dropout(self.conv(images), p=0.5, training=self.training)
        return self.fc(maps.mean((2, 3)))


class Round(torch.autograd.Function):
    """Straight-through rounding."""

    @staticmethod
    def forward(ctx: object, maps: Tensor) -> Tensor:
        return (maps * 4).round() / 4

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return gradients[0]


class Rounding(nn.Module):
    """Rounds in two ways that let gradients pass."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.deep, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = Round.apply(self.conv(images))
        maps = self.deep(maps)
        maps = maps + (maps.round() - maps).detach()
        return self.fc(maps.mean((2, 3)))


class Alone(nn.Module):
    """Leaves a single image as it is."""

    def forward(self, values: Tensor) -> Tensor:
        return values * 2 if values.size(0) > 1 else values
