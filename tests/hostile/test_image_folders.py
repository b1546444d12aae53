"""Folders and image files as users have them: stray files, odd names, and files that are not what they say."""

import gzip
import os
import struct
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mia_bench.benchmark.datasets import _decode
from mia_bench.benchmark.datasets.imagefolder import Imagefolder
from mia_bench.benchmark.datasets.mnist import Mnist
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces import Pools
from PIL import Image
from torch import Tensor

from ..helpers.trees import idx_files, image_tree
from .answers import refusal, time_limit

TRAIN, PRIVATE = 24, 6


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return image_tree(tmp_path / "data", train=TRAIN // 3, test=PRIVATE // 3)


def load(root: Path, **params: int) -> Pools:
    with time_limit(30):
        return Imagefolder(size=16, **params).load(root)  # pyright: ignore[reportArgumentType]


def image(seed: int = 1, size: tuple[int, int] = (16, 16)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def huge_png(path: Path, side: int = 13_000) -> None:
    """Write a file of 20 KB that claims ``side`` pixels in both directions, one bit each, all black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    line = bytes(1 + (side + 7) // 8)
    rows = b"".join(packer.compress(line) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


IGNORED = ["Thumbs.db", "desktop.ini", "Desktop.ini", ".DS_Store", "._0.png", "notes.txt", "0.png.part", "README"]


@pytest.mark.parametrize("name", IGNORED)
def test_files_of_systems_and_of_other_kinds_are_passed_over(tree: Path, name: str) -> None:
    for folder in ("train/blue", "test/red", "train"):
        (tree / folder / name).write_bytes(b"\0\1\2")

    assert len(load(tree).private) == PRIVATE


TAKEN: dict[str, Callable[[Path], None]] = {
    "a suffix in capitals": lambda folder: image().save(folder / "x.JPG", format="JPEG"),
    "a PNG that is called JPEG": lambda folder: image().save(folder / "x.jpg", format="PNG"),
    "an animation": lambda folder: image().save(folder / "x.gif", save_all=True, append_images=[image(2), image(3)]),
    "a palette": lambda folder: image().quantize(8).save(folder / "x.png"),
    "a palette with transparency": lambda folder: image().quantize(8).save(folder / "x.png", transparency=0),
    "gray with alpha": lambda folder: image().convert("LA").save(folder / "x.png"),
    "ink": lambda folder: image().convert("CMYK").save(folder / "x.jpg"),
    "one bit": lambda folder: image().convert("1").save(folder / "x.png"),
    "a WebP": lambda folder: image().save(folder / "x.webp"),
    "a bitmap": lambda folder: image().save(folder / "x.bmp"),
    "a link": lambda folder: (folder / "x.png").symlink_to(folder.parents[2] / "outside.png"),
    "a name with spaces": lambda folder: image().save(folder / "a b\tc.png"),
    "a name that is an option": lambda folder: image().save(folder / "--help.png"),
    "a name in another script": lambda folder: image().save(folder / "图像.png"),
    "a name that is no text": lambda folder: image().save(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.png")),
    "a long panorama": lambda folder: image(size=(900, 9)).save(folder / "x.png"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_images_of_every_kind_are_read(tree: Path, name: str) -> None:
    image().save(tree.parent / "outside.png")
    TAKEN[name](tree / "test/red")

    pools = load(tree)

    assert len(pools.private) == PRIVATE + 1
    assert pools.private.images.std(dim=(1, 2, 3)).min() > 0


def wide(path: Path) -> None:
    Image.fromarray(np.full((16, 16), 40_000, np.uint16)).save(path)


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def broken_exif(path: Path) -> None:
    image().save(path, format="JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")


def decoded(paths: list[Path], size: int) -> Tensor:
    return torch.from_numpy(np.concatenate(list(_decode.decode(paths, _decode.Frame(size, size, 3)))))


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a claim of 169 million pixels": ("x.png", huge_png, "at most 64,000,000 pixels, got 13000x13000"),
    "a claim beyond Pillow's own limit": ("x.png", lambda path: huge_png(path, 20_000), "at most 64,000,000 pixels"),
    "16 bits": ("x.png", wide, "Convert it to 8 bits"),
    "nothing": ("x.png", lambda path: path.write_bytes(b""), "cannot be decoded"),
    "text": ("x.jpg", lambda path: path.write_text("a,b\n1,2\n"), "cannot be decoded"),
    "half an image": ("x.png", lambda path: path.write_bytes(image_bytes(path)[:300]), "is damaged"),
    "a circle of links": ("x.png", circle, "Too many levels of symbolic links"),
    "a pipe": ("x.png", os.mkfifo, "to be a regular file"),
    "a folder": ("x.png", os.mkdir, "Expected only images in a class folder"),
    "a program for a printer": ("x.png", lambda path: image().save(path, format="EPS"), "cannot be decoded"),
}


def image_bytes(path: Path) -> bytes:
    image().save(path)
    return path.read_bytes()


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_are_not_what_they_say_are_refused_and_named(tree: Path, name: str) -> None:
    file, make, words = REFUSED[name]
    path = tree / "test/red" / file
    make(path)

    with pytest.raises(UsageError, match=words) as caught:
        load(tree)

    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_an_image_with_a_damaged_exif_block_is_read(tree: Path) -> None:
    broken_exif(tree / "test/red/x.jpg")

    assert len(load(tree).private) == PRIVATE + 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_images_are_turned_as_their_exif_data_say(tree: Path, orientation: int, suffix: str) -> None:
    """The stored pixels of each orientation are those that it turns back into the upright image."""
    upright = Image.new("RGB", (16, 16), "black")
    upright.paste("white", (0, 0, 8, 8))
    upright.paste((128, 128, 128), (8, 0, 16, 8))
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tree / f"test/red/x.{suffix}"
    (upright.transpose(stored) if stored is not None else upright).save(path, exif=exif)

    (found,) = decoded([path], 16)

    assert (found.int() - torch.tensor(np.asarray(upright).astype(np.int32)).permute(2, 0, 1)).abs().max() < 8


def test_a_large_jpeg_is_reduced_while_it_is_decoded_and_looks_the_same(tmp_path: Path) -> None:
    gradient = np.linspace(0, 255, 2000).astype(np.uint8)
    large = Image.fromarray(np.stack([np.tile(gradient, (1500, 1))] * 3, axis=2))
    for name in ("x.jpg", "x.png"):
        large.save(tmp_path / name)

    jpeg, png = decoded([tmp_path / "x.jpg", tmp_path / "x.png"], 32)

    assert (jpeg.int() - png.int()).abs().max() <= 4


@pytest.mark.parametrize("both_in", ["train", "one each"])
def test_an_accent_coded_in_two_ways_is_one_class(tree: Path, both_in: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    folders = [f"train/{composed}", f"test/{decomposed}"]
    for index, folder in enumerate([*folders, f"train/{decomposed}"] if both_in == "train" else folders):
        (tree / folder).mkdir()
        for number in range(4):
            image(10 * index + number).save(tree / folder / f"{number}.png")

    pools = load(tree)

    assert pools.classes == ("blue", "green", "red", composed)
    assert (pools.private.labels == 3).sum() == 4
    assert len(pools.train) + len(pools.aux) == TRAIN + (8 if both_in == "train" else 4)


@pytest.mark.parametrize("name", ["a b", "--split", "图", "'\"", "[red]x", "100%", "{x}", "\x1b[31m"])
def test_classes_may_have_any_name(tree: Path, name: str) -> None:
    for split in ("train", "test"):
        (tree / split / "red").rename(tree / split / name)

    assert name in load(tree).classes


@pytest.mark.parametrize("below", ["train", "test", "train/red"])
def test_a_data_dir_one_level_too_deep_is_told_the_right_one(tree: Path, below: str) -> None:
    said = refusal("run", "--dataset", "imagefolder:size=16", "--data-dir", tree / below, "--dry-run")

    assert "has no folder train/" in said
    assert (f"Give --data-dir {tree}" in said) == (below != "train/red")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("MNIST", "Give --data-dir {root}, which holds it"),
        ("MNIST/raw", "Give --data-dir {root}, which holds it"),
        ("packed", "Unpack {root}/packed/MNIST/raw/train-images-idx3-ubyte.gz and similar files with gunzip"),
        ("flat", "Move them from {root}/flat to {root}/flat/MNIST/raw"),
        ("flat-packed", "Unpack {root}/flat-packed/train-images-idx3-ubyte.gz and similar files with gunzip, into"),
        ("empty", "or leave it out to download them"),
    ],
)
def test_files_of_mnist_in_another_place_are_told_with_the_mend(tmp_path: Path, given: str, words: str) -> None:
    idx_files(tmp_path, "MNIST", train=40, test=20)
    for folder in ("packed/MNIST/raw", "flat", "flat-packed", "empty"):
        (tmp_path / folder).mkdir(parents=True)
    for path in (tmp_path / "MNIST/raw").iterdir():
        for folder in ("packed/MNIST/raw", "flat-packed"):
            (tmp_path / folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        (tmp_path / "flat" / path.name).write_bytes(path.read_bytes())

    with pytest.raises(UsageError) as caught:
        Mnist(aux_images=10).load(tmp_path / given)

    assert words.format(root=tmp_path) in str(caught.value)


@pytest.mark.parametrize("aux", [1, 10, 20, 30])
def test_mnist_can_be_cut_down(tmp_path: Path, aux: int) -> None:
    idx_files(tmp_path, "MNIST", train=40, test=20)

    if aux < 10:
        with pytest.raises(UsageError, match="aux_images from 10 to 30"):
            Mnist(aux_images=aux).load(tmp_path)
    else:
        pools = Mnist(aux_images=aux).load(tmp_path)
        assert (len(pools.train), len(pools.aux)) == (40 - aux, aux)
