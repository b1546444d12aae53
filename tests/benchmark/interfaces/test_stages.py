"""Names of cuts: paths, patterns, `all`, and places that are not cuts."""

from collections import OrderedDict

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces.stages import Place, Stages, child_name, cut_name, find_cuts
from torch import nn

CUTS = {
    "conv1": (),
    "layer1.0": ("layer1.0.relu_1",),
    "layer1.1": ("layer1.1.relu_1", "layer1"),
    "layer2.0": ("layer2",),
    "fc": (),
}
BETWEEN = Place(
    ("layer1.0.conv",), ("conv1", "layer1.0.conv"), "2 values cross there, those of conv1 and layer1.0.conv"
)


def stages() -> Stages:
    places = [Place((name, *more), (name,)) for name, more in CUTS.items()]
    return Stages({name: nn.Identity() for name in CUTS}, [places[0], BETWEEN, *places[1:]])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("layer1.0", ["layer1.0"]),
        ("layer1", ["layer1.1"]),
        ("layer*", ["layer1.1", "layer2.0"]),
        ("layer*.*", ["layer1.0", "layer1.1", "layer2.0"]),
        ("layer1.[01]", ["layer1.0", "layer1.1"]),
        ("all", list(CUTS)),
    ],
)
def test_cuts_are_found_by_path_by_pattern_and_all_together(wanted: str, found: list[str]) -> None:
    assert find_cuts(stages(), wanted) == found


def test_a_place_that_is_not_a_cut_is_refused_with_the_reason_and_the_nearest_cuts() -> None:
    with pytest.raises(UsageError) as refused:
        find_cuts(stages(), "layer1.0.conv")
    assert str(refused.value) == (
        "Expected a place where one tensor crosses, got 'layer1.0.conv': 2 values cross there, those of conv1 and "
        "layer1.0.conv. The nearest cuts are conv1, layer1.0, layer1.1."
    )


def test_an_unknown_place_is_refused_with_the_cuts() -> None:
    with pytest.raises(
        UsageError, match=r"Unknown split 'layer1.2'. Choose one of the layers: conv1, layer1.0, layer1.1, layer2.0, fc"
    ):
        find_cuts(stages(), "layer1.2")


def test_of_many_cuts_some_are_listed_and_similar_ones_suggested() -> None:
    many = nn.Sequential(OrderedDict((f"relu{index}", nn.ReLU()) for index in range(100)))
    with pytest.raises(UsageError, match=r"Did you mean 'relu10' .* Some of the 100 cuts are relu0, relu8, relu16"):
        find_cuts(many, "relu100")


def test_patterns_work_for_plain_layers() -> None:
    layers = nn.Sequential(OrderedDict(conv1=nn.ReLU(), relu1=nn.ReLU(), conv2=nn.ReLU()))
    assert find_cuts(layers, "conv*") == ["conv1", "conv2"]


def test_the_name_of_a_stage_gives_back_the_name_of_its_cut() -> None:
    assert [cut_name(child_name(cut)) for cut in CUTS] == list(CUTS)
    assert [name for name, _ in stages().named_children()] == list(map(child_name, CUTS))
