"""The layout of an IR is found from its shape."""

import pytest
import torch
from mia_bench.benchmark.utils.ir_layout import IrLayout

LARGE, SMALL, WIDE = (3, 224, 224), (1, 28, 28), (3, 48, 96)
LAYOUTS = [
    ((96, 112, 112), LARGE, "maps", (96, 112, 112)),
    ((1280, 1, 1), LARGE, "maps", (1280, 1, 1)),
    ((8, 24, 24), SMALL, "maps", (8, 24, 24)),
    ((24, 24, 24), SMALL, "maps", (24, 24, 24)),
    ((16, 22, 46), WIDE, "maps", (16, 22, 46)),
    ((56, 56, 96), LARGE, "channels_last", (96, 56, 56)),
    ((7, 7, 768), LARGE, "channels_last", (768, 7, 7)),
    ((12, 24, 40), WIDE, "channels_last", (40, 12, 24)),
    ((18, 12, 6), (1, 24, 24), "maps", (18, 12, 6)),
    ((1, 1, 768), LARGE, "channels_last", (768, 1, 1)),
    ((196, 768), LARGE, "tokens", (768, 14, 14)),
    ((197, 768), LARGE, "tokens", (2 * 768, 14, 14)),
    ((197, 1024), LARGE, "tokens", (2 * 1024, 14, 14)),
    ((198, 192), LARGE, "tokens", (3 * 192, 14, 14)),
    ((261, 384), LARGE, "tokens", (6 * 384, 16, 16)),
    ((19, 64), WIDE, "tokens", (2 * 64, 3, 6)),
    ((768, 196), LARGE, "flat_maps", (768, 14, 14)),
    ((1280,), LARGE, "vector", None),
    ((10, 7), SMALL, "vector", None),
]


@pytest.mark.parametrize(("shape", "image", "kind", "maps"), LAYOUTS)
def test_the_layout_follows_from_the_shapes_of_ir_and_image(
    shape: tuple[int, ...], image: tuple[int, ...], kind: str, maps: tuple[int, ...] | None
) -> None:
    layout = IrLayout.of(shape, image=image)

    assert layout.kind == kind
    assert layout.spatial == (maps is not None)
    if maps:
        assert layout.maps == maps


@pytest.mark.parametrize(("shape", "image", "kind", "maps"), LAYOUTS)
def test_maps_have_that_shape_and_hold_the_same_numbers(
    shape: tuple[int, ...], image: tuple[int, ...], kind: str, maps: tuple[int, ...] | None
) -> None:
    layout, values = IrLayout.of(shape, image=image), torch.rand(2, *shape)

    found = layout.to_maps(values)

    assert found.shape == (2, *(maps or shape))
    torch.testing.assert_close(layout.from_maps(found), values)


def test_tokens_are_patches_row_by_row_and_the_class_token_is_everywhere() -> None:
    layout = IrLayout.of((7, 1), image=(1, 4, 6))
    tokens = torch.arange(7.0).view(1, 7, 1)

    maps = layout.to_maps(tokens)

    assert maps[0, 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert maps[0, 1].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_vector_has_no_form_as_maps() -> None:
    with pytest.raises(ValueError, match=r"Expected a spatial IR, got a vector of shape \(10,\)"):
        _ = IrLayout.of((10,), image=SMALL).maps
