"""What split.json says: shapes, types, normalization, the defense, and what a deployment must add."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ... import __version__
from ..interfaces import Normalize, SplitModel
from ..plan.cells import Setting
from ..utils.plurals import count_of
from ..utils.texts import as_typed
from .graphs import CLIENT, MAX_EXPORT_DIFFERENCE, SERVER, Graphs
from .random_inputs import BATCH, RandomInput

SCHEMA = 1
"""The version of the layout of split.json. Raise it when a field changes its meaning."""


def describe_split(
    setting: Setting,
    model: SplitModel,
    graphs: Graphs,
    *,
    undefended: SplitModel,
    images: Tensor,
    classes: tuple[str, ...],
    target: str,
    data_dir: Path | None,
) -> dict[str, Any]:
    """Return the content of split.json.

    Args:
        setting: What was exported.
        model: The protected model.
        graphs: The graphs.
        undefended: The same network without a defense.
        images: The images (N, C, H, W) on which the graphs were compared with torch.
        classes: The names of the classes, in the order of the logits. Empty if the images are unlabeled.
        target: The hash of everything that the weights of the undefended network follow from.
        data_dir: The folder of the data that the user gave.
    """
    return {
        "schema": SCHEMA,
        "dataset": setting.dataset.canonical,
        "model": setting.model.canonical,
        "split": setting.split,
        "seed": setting.seed,
        "target": target,
        "classes": list(classes),
        "client": _client(model, graphs, images),
        "server": _server(graphs),
        "wire_bytes": model.ir_channel.packed_bytes(graphs.wire) or graphs.wire[:1].nbytes,
        "defense": _defense(setting, model),
        "to_do": _to_do(model, graphs, undefended),
        "checked": {
            "images": graphs.compared,
            "tolerance": MAX_EXPORT_DIFFERENCE,
            "logit_difference": graphs.logit_difference,
        },
        "evaluate": _command(setting, data_dir),
        "versions": _versions(),
    }


def _client(model: SplitModel, graphs: Graphs, images: Tensor) -> dict[str, Any]:
    """Return what the graph of the client takes and gives, and its hash."""
    image = _tensor(images) | {"range": [0, 1], "layout": "NCHW, RGB" if images.shape[1] == 3 else "NCHW"}
    return {
        "file": CLIENT,
        "sha256": _hash(graphs.client),
        "inputs": {"image": image} | {each.name: _noise(each) for each in graphs.noise},
        "outputs": {"wire": _tensor(graphs.wire)},
        "normalization": _normalization(model),
    }


def _server(graphs: Graphs) -> dict[str, Any]:
    """Return what the graph of the server takes and gives, and its hash."""
    return {
        "file": SERVER,
        "sha256": _hash(graphs.server),
        "inputs": {"wire": _tensor(graphs.wire)},
        "outputs": {"logits": _tensor(graphs.answer)},
    }


def _defense(setting: Setting, model: SplitModel) -> dict[str, Any]:
    """Return the defense with its parameters and its guarantee."""
    return {
        "name": setting.defense.name,
        "params": setting.defense.component.model_dump(mode="json"),
        "guarantee": model.promise.guarantee,
        "epsilon": model.promise.epsilon,
        "delta": model.promise.delta,
    }


def _tensor(value: Tensor) -> dict[str, Any]:
    return {"shape": [BATCH, *value.shape[1:]], "dtype": str(value.dtype).removeprefix("torch.")}


def _noise(drawn: RandomInput) -> dict[str, Any]:
    names = ("mean", "standard_deviation") if drawn.distribution == "normal" else ("low", "high")
    parameters = dict(zip(names, drawn.parameters, strict=True))
    ends = {} if drawn.distribution == "normal" else {"ends": "excluded"}  # the graph may take the logarithm
    return {"shape": list(drawn.shape), "dtype": "float32", "distribution": drawn.distribution, **parameters, **ends}


def _normalization(model: SplitModel) -> dict[str, Any] | None:
    """Return what the client subtracts from each channel and divides it by. The graph contains it."""
    first = next(iter(model.client.children()), None)
    if not isinstance(first, Normalize):
        return None
    return {"inside": CLIENT, "mean": first.mean.flatten().tolist(), "std": first.std.flatten().tolist()}


def _to_do(model: SplitModel, graphs: Graphs, undefended: SplitModel) -> list[str]:
    """Return what a deployment must add to the graphs, in sentences."""
    found = [f"Give {CLIENT} images in [0, 1]. It normalizes them."]
    if graphs.noise:
        names = " and ".join(each.name for each in graphs.noise)
        found.append(
            f"Draw {names} on the device, anew for each image and each inference, from a cryptographically secure "
            f"generator. Never send, store or reuse it: with it, the noise can be subtracted. {CLIENT} scales it."
        )
    if model.promise.epsilon is not None:
        found.append(
            "The guarantee is that of real numbers. The low bits of floating-point noise can reveal more (Mironov, CCS "
            "2012): round what is sent to a grid."
        )
    known = _contents(undefended.client) | _contents(undefended.server)
    for file, half in ((CLIENT, model.client), (SERVER, model.server)):
        if not _contents(half) <= known:
            found.append(
                f"Deploy {file} as it is. The defense changed its weights, so those of your network do not fit."
            )
    packed = model.ir_channel.packed_bytes(graphs.wire)
    if packed is not None:
        found.append(
            f"Code what is sent in {count_of(packed, 'byte')} per image, as it was measured. {CLIENT} gives float32."
        )
    return found


def _contents(half: nn.Module) -> set[str]:
    """Return the hash of each tensor that a half holds."""
    return {_hash(repr(each.shape).encode() + each.cpu().numpy().tobytes()) for each in half.state_dict().values()}


def _command(setting: Setting, data_dir: Path | None) -> str:
    """Return the command that measures what this split reveals, in any folder.

    Paths of a dataset are relative to ``data_dir`` if that is given.
    """
    dataset, model = setting.dataset.with_paths(absolute=data_dir is None), setting.model.with_paths()
    words = {"dataset": dataset, "model": model, "split": setting.split}
    words |= {"defense": setting.defense.with_paths(), "seed": str(setting.seed), "images": str(setting.images)}
    words |= {} if data_dir is None else {"data-dir": str(data_dir.absolute())}
    return as_typed("mia-bench", "run", *(word for name, value in words.items() for word in (f"--{name}", value)))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _versions() -> dict[str, str]:
    packages = ("onnx", "onnxscript", "onnxruntime")
    return {"mia-bench": __version__, "torch": torch.__version__} | {
        name: importlib.metadata.version(name) for name in packages
    }
