"""The real MNIST and CIFAR-10 (as JPEG), where they are at hand."""

import os
from pathlib import Path

import pytest
import torch
from mia_bench.benchmark.datasets import _image_tree
from mia_bench.benchmark.datasets.cifar10 import Cifar10
from mia_bench.benchmark.datasets.imagefolder import Imagefolder
from mia_bench.benchmark.datasets.mnist import Mnist
from mia_bench.benchmark.utils.fingerprints import assert_disjoint

DATA = Path(os.environ.get("MIA_BENCH_DATA") or Path(__file__).resolve().parents[4] / "shared/data")


def needs(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not (DATA / folder).is_dir(), reason=f"{DATA / folder} is absent; set MIA_BENCH_DATA")


@pytest.mark.slow
@needs("MNIST")
def test_mnist_has_its_known_sizes_and_mean():
    pools = Mnist().load(DATA)
    assert (len(pools.train), len(pools.aux), len(pools.private)) == (50_000, 10_000, 10_000)
    assert torch.cat([pools.train.images, pools.aux.images]).mean() == pytest.approx(0.1307, abs=1e-4)
    assert_disjoint(pools)


@pytest.mark.slow
@needs("MNIST")
def test_the_first_private_digits_are_the_first_of_each_class_in_the_test_files():
    private = Mnist().load(DATA).private
    stored = (DATA / "MNIST/raw/t10k-images-idx3-ubyte").read_bytes()[16:]
    labels = (DATA / "MNIST/raw/t10k-labels-idx1-ubyte").read_bytes()[8:]
    for digit in range(10):
        place = labels.index(digit)
        expected = torch.frombuffer(bytearray(stored[784 * place : 784 * (place + 1)]), dtype=torch.uint8)
        assert torch.equal(private.images[digit].flatten(), expected.float() / 255)


@pytest.fixture
def tenth(tmp_path: Path) -> Path:
    """A folder of data with links to every tenth JPEG of the real CIFAR-10."""
    for folder in sorted((DATA / "cifar10-jpeg").glob("*/*")):
        target = tmp_path / folder.relative_to(DATA)
        target.mkdir(parents=True)
        for file in sorted(folder.iterdir())[::10]:
            (target / file.name).symlink_to(file)
    return tmp_path


@pytest.mark.slow
@needs("cifar10-jpeg")
def test_cifar_as_jpeg_is_decoded_once(tenth: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Imagefolder().load(tenth / "cifar10-jpeg")
    monkeypatch.setattr(_image_tree, "decode", lambda *_, **__: pytest.fail("decoded again"))
    second = Imagefolder().load(tenth / "cifar10-jpeg")
    assert (len(first.train), len(first.aux), len(first.private)) == (4_000, 1_000, 1_000)
    assert torch.bincount(first.aux.labels).tolist() == [100] * 10
    assert torch.equal(first.aux.images, second.aux.images)
    assert torch.equal(first.aux.images, Cifar10(aux_images=1_000).load(tenth).aux.images)
    assert_disjoint(first)
