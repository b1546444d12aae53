"""Attacks with one fault each; see ``planted.py``."""

import time
from dataclasses import replace
from typing import Any, ClassVar

import torch
from mia_bench import Access, Attack
from mia_bench.benchmark.interfaces import Reconstruction
from pydantic import Field


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


class Sampled(Decoder):
    """Decodes by least squares, and returns its answer as several samples, too.

    Source: ours.
    """

    samples: int = Field(2, ge=1, description="samples")

    def reconstruct(self, seen):
        images = super().reconstruct(seen)
        return Reconstruction(images, samples=images.expand(self.samples, *images.shape))


class Listener(Decoder):
    __doc__ = Decoder.__doc__
    access: ClassVar[Access] = Access.QUERY_FREE
    traffic_count: ClassVar[int] = 2000


SEEN: dict[object, Any] = {}
"""What an attack keeps between cells: the queries of the first network with wires of a shape."""


class Remembering(Decoder):
    __doc__ = Decoder.__doc__

    def reconstruct(self, seen):
        query = SEEN.setdefault((seen.wire.tensor.shape[1:], seen.image_shape), seen.query(seen.aux.images))
        return super().reconstruct(replace(seen, query=lambda images: query))


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
            time.sleep(0.01)
        return images
