"""Plug-ins of version 0.1 import from these paths."""

from mia_bench.benchmark import interfaces, metrics, split_model


def test_the_names_of_the_old_modules_are_the_same_objects() -> None:
    assert all(getattr(split_model, name) is getattr(interfaces, name) for name in split_model.__all__)
    assert {"Access", "Attack", "Component", "Dataset", "Defense", "ImageSet", "Model", "Observation", "Pools"} <= {
        *dir(interfaces)
    }
    assert {"Reconstruction", "Training", "Channel", "SplitModel", "Wire"} <= {*dir(interfaces)}
    assert all(callable(getattr(metrics, name)) for name in ("accuracy", "interval", "psnr", "ssim"))
