"""How files, folders and networks are written that users name where the name of a component is expected."""

from __future__ import annotations

from pathlib import Path

from ..utils.texts import as_typed
from .literals import write

WEIGHTS = (".pth", ".pt", ".ckpt", ".safetensors")
"""Suffixes of files that hold weights without a network."""


def hint(kind: str, name: str) -> str:
    """Return a sentence that says how to write what an unknown name seems to be, after a space, or nothing.

    Args:
        kind: Kind of the component that was expected, such as ``models``.
        name: What was written.

    Example:
        >>> hint("models", "net.onnx")
        ' Write a network in a file as onnx:path=net.onnx.'
    """
    found = _network(name) if kind == "models" else _images(name) if kind == "datasets" else ""
    return f" {found}" if found else ""


def _network(name: str) -> str:
    suffix = Path(name).suffix.lower()
    if suffix == ".onnx":
        return f"Write a network in a file as {_spec('onnx:path', name)}."
    if suffix in WEIGHTS:
        return f"Write weights behind their network, as in {_spec('torchvision:name=resnet18,weights', name)}."
    if name in _torchvision_names():
        return f"Write a network of torchvision as torchvision:name={name}."
    return ""


def _torchvision_names() -> list[str]:
    import torchvision.models  # takes seconds, and is needed for this message alone

    return torchvision.models.list_models(module=torchvision.models)


def _images(name: str) -> str:
    if Path(name).suffix.lower() == ".npz":
        return f"Write a file of arrays as {_spec('npz:path', name)}."
    if name and Path(name).is_dir():
        return f"Write a folder of images as {as_typed('--dataset', 'imagefolder', '--data-dir', name)}."
    return ""


def _spec(key: str, path: str) -> str:
    return as_typed(f"{key}={write(path)}")
