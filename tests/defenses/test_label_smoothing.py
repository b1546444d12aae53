"""Training with smoothed labels."""

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import ImageSet
from mia_bench.defenses.label_smoothing import LabelSmoothing


def test_more_smoothing_makes_the_network_less_certain_and_it_still_learns(model, train, private):
    certain = []
    for smoothing in (0.0, 0.5):
        protected = LabelSmoothing(smoothing=smoothing, tuning_epochs=1).protect(model, train)
        certain.append(protected.classify(private.images).softmax(1).amax(1).mean().item())
        # On training images: 1,024 of them are overfitted, and accuracy on others falls.
        assert protected.classify(train.images).argmax(1).eq(train.labels).float().mean() > 0.95
    assert certain[1] < certain[0] - 0.2
    assert certain[1] == pytest.approx(0.625, abs=0.1)  # 1 - 0.5 + 0.5 / 4 classes


def test_images_without_classes_are_refused(model):
    numbers = ImageSet(torch.rand(8, 1, 16, 16), torch.rand(8, 2), task="regression")
    with pytest.raises(Inapplicable, match="Expected labels that are classes, got the task 'regression'"):
        LabelSmoothing().protect(model, numbers)
