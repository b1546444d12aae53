"""Networks are trained on smaller images if they take them, and are not changed by that."""

import pytest
import torch
from mia_bench.benchmark.training.smaller import shrink, takes_smaller
from mia_bench.models.vit import Vit
from torch import Tensor, nn


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 2)
    )


def test_a_smaller_image_averages_the_pixels() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4)

    assert shrink(image, 1.0) is image
    assert shrink(image, 0.5).shape == (1, 1, 2, 2)
    assert shrink(image, 0.5).mean() == pytest.approx(image.mean().item())


def test_a_network_that_flattens_maps_takes_smaller_images_within_the_block_only() -> None:
    net, images = network(), torch.rand(2, 1, 8, 8)
    before = net.eval()(images)
    net.train()

    with takes_smaller(net, images, [0.5, 0.75]) as shrinks:
        assert shrinks
        assert net(shrink(images, 0.5)).shape == (2, 2)

    net[1].reset_running_stats()
    assert torch.equal(net.eval()(images), before)
    with pytest.raises(RuntimeError):
        net(shrink(images, 0.5))


def test_maps_are_enlarged_to_their_usual_size() -> None:
    net, image = nn.Sequential(nn.Identity(), nn.Flatten()), torch.rand(2, 1, 4, 4)

    with takes_smaller(net, image, [0.5]):
        found: Tensor = net(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))

    assert found.tolist() == [[1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]]


def test_trying_the_sizes_changes_no_statistics_and_no_modes() -> None:
    net = network().train()
    net[4].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}

    with takes_smaller(net, torch.rand(2, 1, 8, 8), [0.5]):
        pass

    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [part.training for part in net] == [True, True, True, True, False]


def test_a_transformer_with_learned_positions_does_not_take_smaller_images() -> None:
    net = Vit().build((1, 16, 16), 2)

    with takes_smaller(net, torch.rand(2, 1, 16, 16), [0.5]) as shrinks:
        assert not shrinks
