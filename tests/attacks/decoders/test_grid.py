"""Where the cells of an IR lie on the image."""

import pytest
import torch
from mia_bench.attacks._decoders.grid import Grid
from mia_bench.benchmark.utils.ir_layout import IrLayout


@pytest.mark.parametrize(
    ("cells", "pixels", "stride"),
    [
        *(((cells, cells), (28, 28), stride) for cells, stride in ((24, 1), (12, 2), (8, 2), (4, 4))),
        *(((cells, cells), (32, 32), stride) for cells, stride in ((32, 1), (16, 2), (10, 2), (40, 1))),
    ],
)
def test_the_stride_is_that_of_the_network_with_or_without_padding(
    cells: tuple[int, int], pixels: tuple[int, int], stride: int
) -> None:
    grid = Grid.fit(IrLayout.of((3, *cells), image=(1, *pixels)), pixels)

    assert grid.stride == stride
    assert grid.place(torch.rand(2, 3, *cells)).shape == (2, 3, grid.rows, grid.columns)


@pytest.mark.parametrize("pixels", [(28, 28), (30, 17), (5, 9)])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_blocks_and_images_undo_each_other(pixels: tuple[int, int], stride: int) -> None:
    images = torch.rand(2, 3, *pixels)
    grid = Grid.blocks_of(stride, pixels)

    blocks = grid.blocks(images)

    assert blocks.shape == (2, 3 * stride**2, grid.rows, grid.columns)
    assert torch.equal(grid.images(blocks), images)
