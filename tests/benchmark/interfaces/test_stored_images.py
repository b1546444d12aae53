"""Images on disk behave as the tensor of floats that they stand for."""

import copy
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.benchmark.evaluation.observe import observe
from mia_bench.benchmark.evaluation.pool_validation import validate_pools
from mia_bench.benchmark.interfaces import Wire, stored_images
from mia_bench.benchmark.interfaces.images import ImageSet, Pools
from mia_bench.benchmark.interfaces.pixel_sources import PixelFile
from mia_bench.benchmark.interfaces.stored_images import StoredImages
from mia_bench.testing import PLACES, Lab
from torch import Tensor, nn

PIXELS = np.random.default_rng(0).integers(0, 256, (50, 3, 9, 8), dtype=np.uint8)
DENSE = torch.from_numpy(PIXELS).float() / 255
SOME = torch.tensor([3, -1, 7])


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoredImages:
    monkeypatch.setattr(stored_images, "PART_BYTES", 4 * 3 * 9 * 8 * 7)  # seven images, which does not divide 50
    np.save(tmp_path / "x.npy", PIXELS)
    return StoredImages.open(tmp_path / "x.npy")


OPERATIONS: dict[str, Callable[[Tensor], Any]] = {
    "a table of positions": lambda images: images[torch.tensor([[0, 1], [2, 3]])],
    "a mask of pixels": lambda images: images[DENSE > 0.5],
    "positions": lambda images: images[SOME],
    "a list": lambda images: images[[1, 2]],
    "a mask": lambda images: images[torch.arange(50) < 5],
    "positions of pixels": lambda images: images[SOME, :, 0],
    "one image": lambda images: images[-1],
    "a slice": lambda images: images[5:30:2],
    "a slice of a slice": lambda images: images[5:30][3:9],
    "channels": lambda images: images[:, :1],
    "columns": lambda images: images[..., :4],
    "split": lambda images: torch.cat([part + 0 for part in images.split(7)]),
    "chunk": lambda images: torch.cat([part + 0 for part in images.chunk(3)]),
    "a loop": lambda images: torch.stack(list(images)),
    "mean by channel": lambda images: images.mean((0, 2, 3), keepdim=True),
    "mean image": lambda images: images.mean(0),
    "mean image in double precision": lambda images: images.mean(0, dtype=torch.float64),
    "mean": lambda images: images.mean(),
    "mean of channels": lambda images: images.mean(1),
    "std by channel": lambda images: images.std((0, 2, 3)),
    "std image": lambda images: images.std(0, correction=0),
    "std": lambda images: images.std(),
    "min": lambda images: images.min(),
    "max": lambda images: images.max(),
    "arithmetic": lambda images: images * 2 - 1,
    "joined": lambda images: torch.cat([images, images[:3]]),
    "a copy": lambda images: images[:5].clone(),
    "flattened": lambda images: images.flatten(1),
    "convolved": lambda images: nn.functional.conv2d(images, torch.ones(2, 3, 3, 3)),
    "double": lambda images: images.double(),
    "an array": lambda images: torch.from_numpy(np.asarray(images)),
    "random of the same shape": lambda images: torch.zeros_like(images),
    "new values": lambda images: images.new_zeros(3),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_gives_what_it_gives_on_floats(stored: StoredImages, name: str) -> None:
    found, expected = OPERATIONS[name](stored), OPERATIONS[name](DENSE)

    found = found.dense() if isinstance(found, StoredImages) else found
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-7)


def test_slices_parts_and_copies_read_nothing(stored: StoredImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PixelFile, "read", lambda *_: pytest.fail("images were read"))

    assert len(stored[3:40]) == 37
    assert [len(part) for part in stored.split(20)] == [20, 20, 10]
    assert stored.shape == DENSE.shape
    assert (stored.dtype, stored.layout, stored.requires_grad) == (torch.float32, torch.strided, False)
    assert ImageSet(stored, torch.zeros(50, dtype=torch.int64)).copy().images is stored
    assert len(copy.deepcopy(stored).cpu()) == 50


def test_pools_of_stored_images_are_validated_without_reading_them(
    stored: StoredImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PixelFile, "read", lambda *_: pytest.fail("images were read"))
    train, aux, private = (
        ImageSet(stored[part], torch.arange(10) % 2) for part in (slice(10), slice(10, 20), slice(20, 30))
    )

    validate_pools(Pools(train, aux, private, classes=("a", "b")), "stored")


def test_an_attack_can_read_the_images_of_its_own_pool_only(stored: StoredImages) -> None:
    labels = torch.arange(10) % 2
    train, aux, private = (ImageSet(stored[part], labels) for part in (slice(10), slice(10, 20), slice(20, 30)))
    model = Lab().model(next(iter(PLACES)))
    seen = observe(
        MeanImage(),
        model,
        Wire(torch.zeros(1, 2)),
        pools=Pools(train, aux, private, classes=("a", "b")),
        originals=private.images[torch.arange(1)],
        identity=0,
    ).aux

    assert isinstance(seen.images, StoredImages)
    assert torch.equal(seen.images[SOME], DENSE[10:20][SOME])
    assert torch.equal(seen.images.mean(0), stored[10:20].mean(0))
    assert len(seen.images.rows) == len(seen.images.source.read(seen.images.rows)) == 10
    with pytest.raises(IndexError):
        seen.images.source.read(torch.tensor([25]))
    assert not hasattr(seen.images.source, "path")


def test_ray_shares_the_8_bit_values(stored: StoredImages) -> None:
    ray_actor = pytest.importorskip("mia_bench.benchmark.runner.ray_actor", exc_type=ImportError)
    labels = torch.arange(10) % 2
    train, aux, private = (ImageSet(stored[part], labels) for part in (slice(10), slice(10, 20), slice(20, 30)))

    packed = ray_actor.PackedPools.of(Pools(train, aux, private, classes=("a", "b")))
    unpacked = packed.unpacked()

    assert packed.arrays[0].dtype == np.uint8
    assert isinstance(unpacked.private.images, StoredImages)
    assert torch.equal(unpacked.private.images.dense(), DENSE[20:30])


def test_only_some_images_are_read_where_some_are_asked_for(stored: StoredImages) -> None:
    read: list[int] = []
    original = PixelFile.read

    def count(self: PixelFile, rows: Tensor) -> Tensor:
        read.append(len(rows))
        return original(self, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PixelFile, "read", count)
        stored[SOME]
        stored.mean((0, 2, 3))

    assert read == [3, 7, 7, 7, 7, 7, 7, 7, 1]


@pytest.mark.parametrize(
    "change",
    [lambda images: images.mul_(2), lambda images: images.__setitem__(0, 0.0), lambda images: images[:3].add_(1)],
    ids=["mul_", "setitem", "a slice"],
)
def test_they_cannot_be_changed(stored: StoredImages, change: Callable[[Tensor], Any]) -> None:
    with pytest.raises(RuntimeError, match="Stored images cannot be changed in place"):
        change(stored)


def test_another_process_opens_the_same_file(stored: StoredImages) -> None:
    assert torch.equal(ForkingPickler.loads(ForkingPickler.dumps(stored[10:20]))[SOME], DENSE[10:20][SOME])


@pytest.mark.parametrize("content", [np.zeros((3, 4), np.uint8), np.zeros((3, 1, 8, 8))], ids=["shape", "type"])
def test_a_file_that_holds_no_images_is_refused(tmp_path: Path, content: Any) -> None:
    np.save(tmp_path / "x.npy", content)

    with pytest.raises(ValueError, match="Expected images"):
        StoredImages.open(tmp_path / "x.npy")


@pytest.mark.parametrize(
    "create",
    [
        lambda images: images.new_zeros(2, 3),
        lambda images: images.new_full((2,), 0.5),
        torch.zeros_like,
        lambda images: torch.full_like(images, 0.5),
    ],
)
def test_a_tensor_like_them_is_made_without_reading_them(
    create: Callable[[Tensor], Tensor], stored: StoredImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PixelFile, "read", None)

    assert torch.equal(create(stored), create(DENSE))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 of a zip archive", b"\x80\x04N."])
def test_a_file_that_is_no_array_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(content)

    with pytest.raises(ValueError, match="magic string"):
        PixelFile.open(tmp_path / "x.npy")
