"""Images that are given as objects in Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, PrivateAttr

from ..errors import UsageError
from ..interfaces import Dataset, Pools, Training
from ..utils.isolation import isolated
from ..utils.object_content import content_of
from ._given_pools import pools_of
from ._labels import TASK, TaskChoice


class Arrays(Dataset):
    """Images that are given in Python: arrays, tensors, a torch Dataset, an ImageSet or Pools.

    Images are (N, C, H, W), (N, H, W, C) or (N, H, W): 8-bit values, or floats in [0, 1]. Labels are numbers of
    classes, one-hot rows, names, 0 and 1 for each of several labels, or numbers to predict; without labels the images
    are unlabeled. One set is divided: a fifth of the images is private, and of the others a fifth is the attacker's. A
    table with ``private`` and ``aux``, and ``train`` where something is trained, gives the pools one by one.

    The hash of images and labels identifies the cells, so equal images resume them. Only a Python session that has the
    images can compute them: no command can, and ``verify`` does not try.

    Example:
        ``mia_bench.run(dataset=(images, labels), ...)``, with other parameters
        ``mia_bench.run(dataset={"name": (images, labels), "private_images": 16}, ...)``

    Source: the user.
    """

    holds_object: ClassVar[bool] = True
    model: ClassVar[str] = "cnn6"
    split: ClassVar[str] = "relu22"
    training: ClassVar[Training] = Training(epochs=8, shift=2)
    content: str = Field("", description="hash of images and labels; run fills it in")
    task: TaskChoice = Field("auto", description=TASK)
    aux_images: int | None = Field(
        None, ge=1, description="images given to the attacker if one set is divided; none takes a fifth of the others"
    )
    private_images: int | None = Field(
        None, ge=1, description="images that are private if one set is divided; none takes a fifth of all"
    )
    _pools: Pools | None = PrivateAttr(None)

    @classmethod
    def holding(cls, given: Any, params: Mapping[str, Any]) -> Self:
        """Return the component that holds images.

        Args:
            given: Images, ``(images, labels)``, a torch Dataset, an ``ImageSet``, ``Pools``, or a mapping with
                ``private`` and ``aux`` or ``train``, each of which is one of the former.
            params: Other parameters: ``task``, ``aux_images``, ``private_images``.

        Raises:
            UsageError: If the images or labels cannot be used. The message says what to do.
        """
        if "content" in params:
            raise UsageError("Expected no content beside images, which have it. Leave it out.")
        made = cls(**params)
        with isolated("read"):
            pools = pools_of(given, made.task, aux_images=made.aux_images, private_images=made.private_images)
        made = made.model_copy(update={"content": content_of(*_parts(pools))})
        made._pools = pools
        return made

    @property
    def private_count(self) -> int | None:
        """The number of private images."""
        return None if self._pools is None else len(self._pools.private)

    def load(self, data_dir: Path | None) -> Pools:
        """Return the pools.

        Raises:
            UsageError: If there are no images, because they are in another Python session.
        """
        if self._pools is None:
            raise UsageError(
                "Expected images that are given in Python, as in mia_bench.run(dataset=(images, labels)), got "
                f"{self.content or 'none'}. A command cannot read images from a session: save them with numpy.savez, "
                "and give npz:path=FILE."
            )
        return self._pools.copy()


def _parts(pools: Pools) -> list[object]:
    """Return everything that pools hold."""
    sets = [(each.images, each.labels, each.sources, each.task) for each in (pools.train, pools.aux, pools.private)]
    prior = pools.prior
    known: list[object] = [] if prior is None else [(prior.weights, prior.means, prior.covariances)]
    names = tuple(map(str, pools.classes))  # numbers and names of classes are the same content
    if pools.attributes:
        known.append((pools.attributes, *(each.attributes for each in (pools.train, pools.aux, pools.private))))
    return [*sets, names, pools.note, *known]
