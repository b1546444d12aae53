"""Images that are given as objects."""

from typing import Any

import numpy as np
import pytest
import torch
from mia_bench.benchmark.datasets.arrays import Arrays
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.pool_validation import validate_pools
from mia_bench.benchmark.interfaces import ImageSet, Pools
from mia_bench.benchmark.utils.fingerprints import assert_disjoint
from PIL import Image
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

COUNT = 40
RANDOM = np.random.default_rng(0)
BYTES = RANDOM.integers(0, 256, (COUNT, 3, 12, 10), np.uint8)
LABELS = np.arange(COUNT) % 4
FLOATS = torch.from_numpy(BYTES).float() / 255


def pools(given: Any, **params: Any) -> Pools:
    found = Arrays.holding(given, params).load(None)
    validate_pools(found, "arrays")
    assert_disjoint(found)
    return found


class Photos(Dataset[Any]):
    """PIL images with their classes."""

    classes = ("ant", "bee", "cat", "dog")

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        return Image.fromarray(BYTES[index].transpose(1, 2, 0)), int(LABELS[index])


class Noise(Photos):
    """Images that differ each time."""

    def __getitem__(self, index: int) -> Any:
        return torch.rand(3, 12, 10), 0


@pytest.mark.parametrize(
    "given",
    [
        (BYTES, LABELS),
        (torch.from_numpy(BYTES), torch.from_numpy(LABELS)),
        (BYTES.astype(np.int64), LABELS.tolist()),
        (BYTES.transpose(0, 2, 3, 1), LABELS.astype(np.float32)),
        (FLOATS, torch.eye(4)[torch.from_numpy(LABELS)]),
        (FLOATS.double().numpy(), LABELS[:, None]),
        ImageSet(FLOATS, torch.from_numpy(LABELS)),
        TensorDataset(FLOATS, torch.from_numpy(LABELS)),
        Photos(),
        DataLoader(Photos(), batch_size=8),
        Subset(Photos(), range(COUNT)),
    ],
)
def test_images_of_any_form_become_the_same_pools(given: Any) -> None:
    found, expected = pools(given), pools((BYTES, LABELS))

    assert [len(each) for each in (found.private, found.aux, found.train)] == [8, 6, 26]
    assert found.private.labels.tolist() == [0, 1, 2, 3] * 2
    for name in ("train", "aux", "private"):
        torch.testing.assert_close(getattr(found, name).images, getattr(expected, name).images)
        assert torch.equal(getattr(found, name).labels, getattr(expected, name).labels)


def test_class_names_of_a_dataset_are_kept_and_numbers_are_names_otherwise() -> None:
    assert pools(Photos()).classes == Photos.classes
    assert pools((BYTES, LABELS * 3)).classes == ("0", "3", "6", "9")
    assert pools((BYTES, np.array(Photos.classes)[LABELS])).classes == Photos.classes


def test_gray_images_need_no_axis_of_channels() -> None:
    assert pools((BYTES[:, 0], LABELS)).image_shape == (1, 12, 10)
    assert pools(BYTES[:, :1]).image_shape == (1, 12, 10)


def test_images_without_labels_are_unlabeled() -> None:
    found = pools(FLOATS)

    assert found.task == "unlabeled"
    assert found.classes == ()


def test_twenty_images_of_ten_classes_are_divided_all_the_same() -> None:
    found = pools((BYTES[:20, :1], np.arange(20) % 10))

    assert [len(each) for each in (found.private, found.aux, found.train)] == [4, 3, 13]


def test_sizes_of_the_parts_may_be_given() -> None:
    found = pools((BYTES, LABELS), private_images=20, aux_images=10)

    assert [len(each) for each in (found.private, found.aux, found.train)] == [20, 10, 10]


def test_pools_may_be_given_one_by_one() -> None:
    private, aux = (BYTES[:8], LABELS[:8]), (BYTES[8:28], LABELS[8:28])

    found = pools({"private": private, "aux": aux})

    assert [len(each) for each in (found.private, found.aux, found.train)] == [8, 16, 4]
    assert pools({"private": private, "aux": aux, "train": (BYTES[28:], LABELS[28:])}).train.labels.shape == (12,)


def test_equal_images_are_left_out_once() -> None:
    found = pools(np.concatenate([BYTES, BYTES]))

    assert sum(map(len, (found.private, found.aux, found.train))) == COUNT


def test_the_content_follows_from_pixels_and_labels() -> None:
    changed = FLOATS.clone()
    changed[0, 0, 0, 0] = (changed[0, 0, 0, 0] + 1e-3).clamp(max=1) - 2e-3 * (changed[0, 0, 0, 0] > 0.5)
    given: list[Any] = [(FLOATS, LABELS), (FLOATS.clone(), LABELS.tolist()), (changed, LABELS), (FLOATS, LABELS[::-1])]

    contents = [Arrays.holding(each, {}).content for each in given]

    assert contents[0] == contents[1]
    assert len(set(contents)) == 3


def test_given_images_are_not_changed_and_not_shared() -> None:
    before = FLOATS.clone()
    found = pools((FLOATS, LABELS))
    found.train.images.zero_()

    assert torch.equal(FLOATS, before)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (FLOATS * 255, r"as 8-bit whole numbers or floats in \[0, 1\], got float32 from 0 to 255. Divide them by 255."),
        (FLOATS * 2 - 1, r"got float32 from -1 to 1. If they are normalized, multiply them by the standard deviation"),
        (BYTES.astype(np.uint16) * 257, "got uint16 from 0 to 65535. Divide them by their largest possible value"),
        (BYTES // 200, "got uint8 from 0 to 1. Convert them to floats if 1 is white"),
        (FLOATS.log(), "Replace NaN and infinity"),
        (FLOATS * 1.0000005, r"from .* to 1.000000\d+. Clip them to \[0, 1\]"),
        (FLOATS - 0.05, r"from -0.05\d* to .*. Clip them to \[0, 1\]"),
        (FLOATS.to_sparse(), "dense tensors with values, got one that is torch.float32, torch.sparse_coo on cpu. Conv"),
        (FLOATS.to("meta"), "dense tensors with values, got one that is torch.float32, torch.strided on meta"),
        (FLOATS[0], r"got \(3, 12, 10\). Give images\[None\] for one image"),
        (BYTES[:, 0, 0], r"got \(40, 10\). Give images\[None, None\]"),
        (np.zeros((4, 12, 8, 12), np.uint8), r"fewer channels than pixels a side, got \(4, 12, 8, 12\)"),
        ((FLOATS, LABELS[:5]), r"a label for each of the 40 images .*got ndarray \(5,\) int64"),
        ((FLOATS, "names"), "a label for each of the 40 images"),
        (FLOATS[:1], r"at least 3 different images, one each for the victim, .*, got 1. Give more images"),
        ({"private": FLOATS}, "of which aux or train may be missing, got private"),
        ({"private": (FLOATS[:8], LABELS[:8]), "aux": FLOATS[8:]}, "labels for all pools or for none"),
        (
            {"private": FLOATS[:8], "aux": FLOATS[5:]},
            "no private image in aux, got 3 of 35 images: image 0 of aux is image 5 of private",
        ),
        ({"private": FLOATS[:8], "train": FLOATS[7:]}, "no private image in train, got 1 of 33 images"),
        (
            {"private": FLOATS[:8], "aux": FLOATS[8:, :, 1:]},
            r"images \(3, 12, 10\) in aux as in private, got \(3, 11, 10\)",
        ),
        (
            {"private": FLOATS[:8], "aux": FLOATS[8:9]},
            "at least 2 different images in aux, .*, got 1. Give more images",
        ),
        (
            [Image.fromarray(each[0].astype(np.uint16) * 257) for each in BYTES],
            "8 bits per channel, got mode I;16 at pos",
        ),
        (
            [Image.fromarray(each[0].astype(np.float32)) for each in BYTES],
            "8 bits per channel, got mode F at position 0",
        ),
        (Noise(), "that are the same each time they are read, got others at position 0. Remove random transforms"),
        (object(), "as an array or tensor, .*got <object"),
    ],
)
def test_other_images_are_refused_with_the_remedy(given: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Arrays.holding(given, {})


@pytest.mark.parametrize("task", ["regression", "multi-label"])
def test_names_are_refused_where_a_task_needs_numbers(task: str) -> None:
    names = np.array(["ant", "bee", "cat", "dog"])[LABELS]

    with pytest.raises(UsageError, match=f"Expected numbers for task={task}, got names such as 'ant'. Leave out task"):
        Arrays.holding((FLOATS, names), {"task": task})


def test_names_in_bytes_are_those_in_text() -> None:
    assert pools((FLOATS, np.array([b"ant", "bée".encode()])[LABELS % 2])).classes == ("ant", "bée")


def test_numbers_of_classes_beyond_64_bits_stay_apart() -> None:
    found = pools((FLOATS, np.array([0.0, 1e30, 2e30])[LABELS % 3]), task="classification")

    assert len(found.classes) == 3


def test_a_name_without_images_is_refused_with_the_remedy() -> None:
    with pytest.raises(UsageError, match="A command cannot read images from a session: save them"):
        Arrays(content="sha256:0123456789abcdef").load(None)


def whole_pools() -> Pools:
    sets = [ImageSet(FLOATS[start::3], torch.from_numpy(LABELS[start::3])) for start in range(3)]
    return Pools(*sets, classes=("a", "b", "c", "d"))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"aux_images": 3}, "Expected aux_images and private_images only where one set is divided. Leave them out."),
        (
            {"private_images": 2},
            "Expected aux_images and private_images only where one set is divided. Leave them out.",
        ),
        ({"task": "unlabeled"}, "Expected task=classification, as the Pools say, got task=unlabeled. Leave it out"),
    ],
)
def test_parameters_that_pools_leave_without_an_effect_are_refused(params: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Arrays.holding(whole_pools(), params)
    assert pools(whole_pools(), task="classification").task == "classification"


def test_attributes_of_image_sets_are_kept_with_their_images() -> None:
    ages = torch.arange(2.0 * COUNT).view(COUNT, 2)
    images = ImageSet(FLOATS, torch.from_numpy(LABELS), attributes=ages)
    apart = {"private": images[:8], "aux": images[8:16], "train": images[16:]}

    for found in (pools(images), pools(apart), pools({"private": images[:8], "aux": images[8:]})):
        assert found.attributes == ("attribute_1", "attribute_2")
        for each in (found.train, found.aux, found.private):
            rows = [int((image == FLOATS).flatten(1).all(1).nonzero()) for image in each.images]
            assert torch.equal(each.attributes, ages[rows])
    other = Arrays.holding(ImageSet(FLOATS, images.labels, attributes=-ages), {})
    assert other.content != Arrays.holding(images, {}).content
