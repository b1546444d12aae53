"""Plug-ins of version 0.1 import from these paths."""

from mia_bench.benchmark import interfaces, metrics, split_model
from mia_bench.benchmark.interfaces import components, training


def test_the_names_of_the_old_modules_are_the_same_objects() -> None:
    assert all(getattr(split_model, name) is getattr(interfaces, name) for name in split_model.__all__)
    assert {"Access", "Attack", "Component", "Dataset", "Defense", "ImageSet", "Model", "Observation", "Pools"} <= {
        *dir(interfaces)
    }
    assert {"Reconstruction", "Training", "Channel", "SplitModel", "Wire"} <= {*dir(interfaces)}
    assert all(callable(getattr(metrics, name)) for name in ("accuracy", "interval", "psnr", "ssim"))


def test_a_training_is_found_where_it_was_before_it_had_its_own_file() -> None:
    assert components.Training is interfaces.Training is training.Training
