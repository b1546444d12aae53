"""Components with one fault each; the name of the check that must find it stands beside them in ``FAULTS``."""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from mia_bench import Access, Attack, Channel, Dataset, Defense, ImageSet, Model, Pools, Promise, SplitModel
from pydantic import Field
from torch import nn

OUTSIDE = {"level": 0.5}
"""What a component must not keep outside its parameters."""


class Noise(Channel):
    stochastic = True

    def __init__(self, level: float = 0.5) -> None:
        super().__init__()
        self.level = level

    def forward(self, value):
        return value + self.level * torch.randn_like(value)

    def log_density(self, value, sent):
        return -(value - sent).square().flatten(1).sum(1) / (2 * self.level**2)

    def merged(self, count):
        return type(self)(self.level / count**0.5)


class Sound(Defense):
    """Adds noise.

    Source: ours.
    """

    level: float = Field(0.5, gt=0, description="deviation of the noise")

    def channel(self) -> Channel:
        return Noise(self.level)

    def protect(self, model, train):
        return replace(model.copy(), ir_channel=self.channel())


class NoSource(Sound):
    """Adds noise."""


class Unbounded(Sound):
    __doc__ = Sound.__doc__
    level: float = Field(0.5, description="deviation of the noise")


class Unwritten(Sound):
    __doc__ = Sound.__doc__
    level: float = Field(0.5, gt=0, exclude=True, description="deviation of the noise")


class Idle(Sound):
    __doc__ = Sound.__doc__
    idle: float = Field(1.0, gt=0, description="nothing")


class OwnRandomness(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        protected = super().protect(model, train)
        with torch.no_grad():
            protected.server[-1].bias += int.from_bytes(os.urandom(4), "big") / 2**32
        return protected


class Outside(Sound):
    __doc__ = Sound.__doc__

    def channel(self):
        return Noise(self.level * OUTSIDE["level"])


@dataclass(frozen=True, kw_only=True)
class OneLogit(SplitModel):
    def classify(self, images):
        return super().classify(images)[:, :1]


class WrongLogits(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        return OneLogit(**vars(super().protect(model, train)))


class Mixing(Channel):
    def forward(self, value):
        return value * (1 + value.mean().abs())


class Still(Sound):
    """Does nothing random.

    Source: ours.
    """

    made: ClassVar[type[Channel]] = Mixing

    def protect(self, model, train):
        protected = replace(model.copy(), ir_channel=self.made())
        with torch.no_grad():
            protected.server[-1].bias += self.level
        return protected


class Coupled(Still):
    __doc__ = Still.__doc__


class Spoiling(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        with torch.no_grad():
            model.server[-1].bias += 1
        return super().protect(model, train)


class Sharing(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        return replace(model, ir_channel=self.channel())


class Secret(Noise):
    stochastic = False

    def log_density(self, value, sent):
        return None


class Undeclared(Sound):
    __doc__ = Sound.__doc__

    def channel(self):
        return Secret(self.level)


class Cut(Noise):
    def forward(self, value):
        return super().forward(value).detach()


class Detached(Sound):
    __doc__ = Sound.__doc__

    def channel(self):
        return Cut(self.level)


class Holding(Noise):
    def __init__(self, level=0.5):
        super().__init__(level)
        self.lock = threading.Lock()


class Uncopied(Sound):
    __doc__ = Sound.__doc__

    def channel(self):
        return Holding(self.level)


@dataclass(frozen=True, kw_only=True)
class FreeDevice(SplitModel):
    @property
    def on_device(self):
        return nn.Sequential()


class ForFree(Sound):
    __doc__ = Sound.__doc__

    def protect(self, model, train):
        return FreeDevice(**vars(super().protect(model, train)))


class Boasting(Sound):
    __doc__ = Sound.__doc__
    guarantee: ClassVar[str] = "(eps, delta)-local DP"

    def protect(self, model, train):
        promise = Promise("(0.1, 1e-05)-local DP", epsilon=0.1, delta=1e-5)
        return replace(super().protect(model, train), promise=promise)


class Unbacked(Sound):
    __doc__ = Sound.__doc__
    guarantee: ClassVar[str] = "AES-256"

    def protect(self, model, train):
        return replace(super().protect(model, train), promise=Promise("AES-256"))


class Backwards(Noise):
    def distance(self, value, sent):
        return 1e6 - super().distance(value, sent)


class Misleading(Sound):
    __doc__ = Sound.__doc__

    def channel(self):
        return Backwards(self.level)


class TooSure(Noise):
    def log_density(self, value, sent):
        return 4 * super().log_density(value, sent)


class WrongDensity(Sound):
    __doc__ = Sound.__doc__

    def channel(self):
        return TooSure(self.level)


class Summing(Noise):
    def merge(self, sent):
        return sent.sum(0)


class WrongMerge(Sound):
    __doc__ = Sound.__doc__

    def channel(self):
        return Summing(self.level)


class Decoder(Attack):
    """Decodes by least squares.

    Source: ours.
    """

    access: ClassVar[Access] = Access.BLACK_BOX
    penalty: float = Field(0.01, gt=0, description="ridge penalty")

    def reconstruct(self, seen):
        images, mean = seen.aux.images, seen.aux.images.mean(0)
        wires = seen.query(images).tensor.flatten(1)
        known, heard = wires - wires.mean(0), seen.wire.tensor.flatten(1) - wires.mean(0)
        products = known @ known.T
        products += self.penalty * products.diagonal().mean() * torch.eye(len(known), device=known.device)
        answer = heard @ known.T @ torch.linalg.solve(products, (images - mean).flatten(1))
        return (answer.view(-1, *seen.image_shape) + mean).clamp(0, 1)


class Broken(Decoder):
    __doc__ = Decoder.__doc__

    def reconstruct(self, seen):
        images = super().reconstruct(seen)
        images[0, 0, 0, 0] = torch.nan
        return images


class Homebound(Decoder):
    __doc__ = Decoder.__doc__

    def reconstruct(self, seen):
        return (super().reconstruct(seen) + torch.zeros(seen.image_shape)).clamp(0, 1)


class Numpy(Decoder):
    __doc__ = Decoder.__doc__

    def reconstruct(self, seen):
        return torch.from_numpy(super().reconstruct(seen).numpy())


class Picky(Decoder):
    __doc__ = Decoder.__doc__

    def reconstruct(self, seen):
        if type(seen.wire.tensor) is not torch.Tensor:
            raise TypeError("plain tensors only")
        return super().reconstruct(seen)


class OutOfRange(Decoder):
    __doc__ = Decoder.__doc__

    def reconstruct(self, seen):
        return super().reconstruct(seen) * 255


class Blind(Decoder):
    __doc__ = Decoder.__doc__

    def reconstruct(self, seen):
        return seen.aux.images[: len(seen.wire)] * (1 - min(self.penalty, 0.5))


class Turning(Decoder):
    __doc__ = Decoder.__doc__

    def reconstruct(self, seen):
        images = super().reconstruct(seen)
        return torch.cat([images[:1], (images[1:] + images[:-1]) / 2])


class Careless(Decoder):
    __doc__ = Decoder.__doc__

    def reconstruct(self, seen):
        images = super().reconstruct(seen)
        seen.aux.images.zero_()
        return images


class Anything(Decoder):
    __doc__ = Decoder.__doc__
    access: ClassVar[Access] = "everything"  # pyright: ignore


class Stubborn(Decoder):
    __doc__ = Decoder.__doc__

    def reconstruct(self, seen):
        images = super().reconstruct(seen)
        while not (images - 0.5).square().mean() < 10:
            pass
        return images


class Net(Model):
    """A small network.

    Source: ours.
    """

    def layers(self, channels: int, pixels: int, classes: int) -> dict[str, nn.Module]:
        conv = nn.Conv2d(channels, 4, 3, padding=1)
        return {"conv": conv, "flat": nn.Flatten(), "fc": nn.Linear(4 * pixels, classes)}

    def build(self, image_shape, classes):
        channels, height, width = image_shape
        return nn.Sequential(OrderedDict(self.layers(channels, height * width, classes)))


class ColorOnly(Net):
    __doc__ = Net.__doc__

    def layers(self, channels, pixels, classes):
        return super().layers(3, pixels, classes)


class BadNames(Net):
    __doc__ = Net.__doc__

    def layers(self, channels, pixels, classes):
        return {f"{name}-1": layer for name, layer in super().layers(channels, pixels, classes).items()}


class Centering(nn.Module):
    def forward(self, value):
        return value - value.mean(0)


class Mixed(Net):
    __doc__ = Net.__doc__

    def layers(self, channels, pixels, classes):
        return {"center": Centering(), **super().layers(channels, pixels, classes)}


class Spare(nn.Module):
    def __init__(self, start):
        super().__init__()
        self.weight = nn.Parameter(start)

    def forward(self, value):
        return value


class Used(Spare):
    def forward(self, value):
        return value * self.weight


class Unused(Net):
    __doc__ = Net.__doc__

    def layers(self, channels, pixels, classes):
        return {"spare": Spare(torch.zeros(3)), **super().layers(channels, pixels, classes)}


class Fixed(Net):
    __doc__ = Net.__doc__

    def layers(self, channels, pixels, classes):
        return {**super().layers(channels, pixels, classes), "scale": Used(torch.rand(classes))}


class Numbers(Dataset):
    """Random images.

    Source: ours.
    """

    model: ClassVar[str] = "lenet5"
    split: ClassVar[str] = "relu1"

    def load(self, data_dir):
        random = torch.Generator().manual_seed(self.seed())
        return self.change(*(self.draw(count, random) for count in (60, 40, 20)))

    def seed(self) -> int:
        return 0

    def draw(self, count, random) -> ImageSet:
        return ImageSet(torch.rand(count, 1, 16, 16, generator=random), torch.arange(count) % 2)

    def change(self, train, aux, private) -> Pools:
        return Pools(train, aux, private, ("a", "b"))


class TooBright(Numbers):
    __doc__ = Numbers.__doc__

    def change(self, train, aux, private):
        return Pools(ImageSet(2 * train.images, train.labels), aux, private, ("a", "b"))


class Overlapping(Numbers):
    __doc__ = Numbers.__doc__

    def change(self, train, aux, private):
        return Pools(train, train[:40], private, ("a", "b"))


class Sorted(Numbers):
    __doc__ = Numbers.__doc__

    def change(self, train, aux, private):
        return Pools(train, aux, ImageSet(private.images, 0 * private.labels), ("a", "b"))


class Nowhere(Numbers):
    __doc__ = Numbers.__doc__
    split: ClassVar[str] = "relu9"


class Changing(Numbers):
    __doc__ = Numbers.__doc__

    def seed(self):
        return int.from_bytes(os.urandom(4), "big")


SOUND = [Sound, Decoder, Net, Numbers]
FAULTS: dict[type, tuple[str, str]] = {
    NoSource: ("docstring", "Source:"),
    Unbounded: ("parameters are documented", "level is a number without a bound"),
    Unwritten: ("parameters identify", "level: not written down"),
    Idle: ("parameters change the result", "idle: no other value changed anything"),
    OwnRandomness: ("same seed same result", "torch's global generator"),
    Homebound: ("runs on a gpu", "expected all tensors on one device"),
    Numpy: ("runs on a gpu", "bring it there with .cpu"),
    Outside: ("rebuilt in a worker", "keep nothing outside the parameters"),
    WrongLogits: ("answers", r"classify\(images\) is \(8, 1\)"),
    Coupled: ("wires", "depends on the other images"),
    Spoiling: ("leaves the model", "changes .*bias of the model it is given"),
    Sharing: ("leaves the model", "begin with model.copy"),
    Undeclared: ("randomness is declared", "set stochastic = True"),
    Detached: ("gradients reach the image", "grad"),
    Uncopied: ("can be copied", "lock"),
    ForFree: ("costs are measured", "client_macs is 0"),
    Boasting: ("guarantee is honest", "two images violate it"),
    Unbacked: ("guarantee is honest", "nothing backs it"),
    Misleading: ("distance leads to the truth", "of another one is smaller"),
    WrongDensity: ("density is one", "expected 1"),
    WrongMerge: ("wires can be merged", "farther"),
    Broken: ("gives images", "NaN"),
    OutOfRange: ("gives images", "expected \\[0, 1\\]"),
    Blind: ("reads the wire", "ignores the wire"),
    Turning: ("reads the wire", "do not follow their wires"),
    Careless: ("leaves what it is given", "the attacker's images"),
    Anything: ("declares its access", "expected one of white_box, black_box, query_free"),
    Stubborn: ("ends on a broken wire", "no answer after"),
    ColorOnly: ("fits any images", "channels"),
    BadNames: ("every layer is a split", "conv-1"),
    Mixed: ("images do not mix", "rest of the batch"),
    Unused: ("can be trained", "spare.weight take no part"),
    Fixed: ("can be reset", "reset_parameters"),
    TooBright: ("pools are sound", "Expected the images of train to be in \\[0, 1\\]"),
    Overlapping: ("pools are disjoint", "also in another pool"),
    Sorted: ("classes are mixed", "all of class 0"),
    Nowhere: ("recommends a split", "no split 'relu9'"),
    Changing: ("same seed same result", "draw from torch"),
}
