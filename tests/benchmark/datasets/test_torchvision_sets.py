"""MNIST, Fashion-MNIST and CIFAR-10 on tiny files in torchvision's layout."""

from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from mia_bench.benchmark.datasets.cifar10 import CLASSES, FOLDER, Cifar10
from mia_bench.benchmark.datasets.fashion_mnist import FashionMnist
from mia_bench.benchmark.datasets.mnist import Mnist
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces import Dataset
from mia_bench.benchmark.utils.fingerprints import assert_disjoint
from torchvision.datasets import CIFAR10, MNIST

from ...helpers.trees import idx_files, jpeg_tree

GRAY = {"MNIST": Mnist, "FashionMNIST": FashionMnist}


def refusal(dataset: Dataset, data_dir: Path | None) -> str:
    with pytest.raises(UsageError) as caught:
        dataset.load(data_dir)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", GRAY)
def test_gray_sets_are_read_from_the_data_dir(tmp_path, name):
    idx_files(tmp_path, name, train=100, test=20)
    pools = GRAY[name](aux_images=30).load(tmp_path)
    assert (len(pools.train), len(pools.aux), len(pools.private)) == (70, 30, 20)
    assert pools.image_shape == (1, 28, 28)
    assert pools.private.labels.tolist() == list(range(10)) * 2
    assert len(pools.classes) == 10
    assert_disjoint(pools)


def test_pixels_are_those_of_the_file(tmp_path):
    idx_files(tmp_path, "MNIST", train=100, test=10)
    private = Mnist(aux_images=30).load(tmp_path).private
    stored = np.frombuffer((tmp_path / "MNIST/raw/t10k-images-idx3-ubyte").read_bytes()[16:], np.uint8)
    assert torch.equal(private.images.flatten(), torch.from_numpy(stored.copy()).float() / 255)


@pytest.mark.parametrize("name", GRAY)
def test_a_missing_file_is_named_with_the_place_and_what_to_do(tmp_path, name):
    idx_files(tmp_path, name, train=20, test=10)
    (tmp_path / name / "raw/t10k-labels-idx1-ubyte").unlink()
    message = refusal(GRAY[name](), tmp_path)
    assert f"{name}/raw/t10k-labels-idx1-ubyte" in message
    assert str(tmp_path) in message
    assert "--data-dir" in message


@pytest.mark.parametrize("kept", [0, 3, 20, 500])
def test_a_truncated_file_is_called_damaged(tmp_path, kept):
    idx_files(tmp_path, "MNIST", train=20, test=10)
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:kept])
    assert "damaged" in refusal(Mnist(), tmp_path)


def test_labels_that_do_not_match_the_images_are_called_damaged(tmp_path):
    idx_files(tmp_path, "MNIST", train=20, test=10)
    raw = tmp_path / "MNIST/raw"
    (raw / "train-labels-idx1-ubyte").write_bytes((raw / "t10k-labels-idx1-ubyte").read_bytes())
    assert "got 10 labels for 20 images" in refusal(Mnist(), tmp_path)


def test_more_aux_than_there_are_images_is_refused_with_the_range(tmp_path):
    idx_files(tmp_path, "MNIST", train=100, test=10)
    assert "from 10 to 90" in refusal(Mnist(), tmp_path)


def test_a_data_dir_is_never_downloaded_into(tmp_path, monkeypatch):
    monkeypatch.setattr(MNIST, "download", lambda _: pytest.fail("downloaded"))
    assert "4 of its 4 files are missing" in refusal(Mnist(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("source", "dataset"), [(MNIST, Mnist()), (CIFAR10, Cifar10())])
@pytest.mark.parametrize("error", [RuntimeError("Error downloading x:\nTried y"), URLError("no network")])
def test_a_failed_download_says_where_it_looked_and_what_to_do(cache, monkeypatch, source, dataset, error):
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(source, "download", fail)
    message = refusal(dataset, None)
    assert source.__name__ in message
    assert str(cache / "data") in message
    assert "--data-dir" in message


def test_a_download_is_kept_in_the_cache_and_used(cache, monkeypatch):
    monkeypatch.setattr(MNIST, "download", lambda source: idx_files(Path(source.root), "MNIST", train=50, test=10))
    assert len(Mnist(aux_images=20).load(None).train) == 30
    assert (cache / "data/MNIST/raw/train-images-idx3-ubyte").is_file()


def test_a_cifar_file_that_is_not_the_official_one_is_never_unpickled(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.cifar.pickle.load", lambda *_, **__: pytest.fail("unpickled"))
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    for name, _ in [*CIFAR10.train_list, *CIFAR10.test_list]:
        (folder / name).write_bytes(b"\x80\x04.")
    (folder / "batches.meta").write_bytes(b"\x80\x04.")
    assert "damaged" in refusal(Cifar10(), tmp_path)


def test_jpeg_copies_of_cifar_are_read_if_the_official_files_are_absent(tmp_path):
    jpeg_tree(tmp_path / FOLDER, CLASSES, train=4, test=4)
    pools = Cifar10(aux_images=10).load(tmp_path)
    assert (len(pools.train), len(pools.aux), len(pools.private)) == (30, 10, 40)
    assert "JPEG" in pools.note
    (tmp_path / CIFAR10.base_folder).mkdir()
    assert "data_batch_1" in refusal(Cifar10(), tmp_path)
    assert "JPEG" in Cifar10(files="jpeg", aux_images=10).load(tmp_path).note


def test_a_tree_of_other_classes_is_not_taken_for_cifar(tmp_path):
    jpeg_tree(tmp_path / FOLDER, ("cat", "dog"), train=4, test=4)
    assert "got cat, dog. Use the dataset imagefolder" in refusal(Cifar10(), tmp_path)


def test_a_folder_without_cifar_names_the_first_missing_file(tmp_path):
    assert "cifar-10-batches-py/data_batch_1" in refusal(Cifar10(), tmp_path)


def test_cifar_images_are_turned_to_channels_first(tmp_path, monkeypatch):
    random = np.random.default_rng(0)

    def read(self: CIFAR10, root: str, train: bool = True, download: bool = False) -> None:
        self.data = random.integers(0, 256, (100 if train else 20, 32, 32, 3), dtype=np.uint8)
        self.targets = [index % 10 for index in range(len(self.data))]
        if not train:
            self.data[0, :, :, :] = (255, 0, 51)

    monkeypatch.setattr(CIFAR10, "__init__", read)
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    for name, _ in [*CIFAR10.train_list, *CIFAR10.test_list, ("batches.meta", "")]:
        (folder / name).touch()
    pools = Cifar10(aux_images=40).load(tmp_path)
    assert (len(pools.train), len(pools.aux), len(pools.private)) == (60, 40, 20)
    assert pools.private.images[0, :, 5, 7].tolist() == pytest.approx([1, 0, 0.2])
