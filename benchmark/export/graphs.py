"""The halves as ONNX graphs, compared with torch."""

from __future__ import annotations

import io
import itertools
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import UsageError, reason_of
from ..utils.plurals import count_of
from ..utils.texts import shorten
from .halves import Halves
from .random_inputs import BATCH, GivenNumbers, RandomInput, drawn_shapes, expose

CLIENT, SERVER = "client.onnx", "server.onnx"
TRACED_IMAGES = 3
"""Images with which a half is traced; the graphs take any number."""
MAX_EXPORT_DIFFERENCE = 1e-4
"""Largest difference between a number of ONNX Runtime and of torch, or largest share of it above 1."""
LONGEST_REASON = 300
"""Characters of the words of another library that are shown."""
LEVELS = 255
"""Steps between the numbers of an 8-bit image."""
ROUNDED_SHARE = 0.01
"""Largest share of the numbers in a wire for which a channel may decide otherwise, since sums differ in the last bit.

Quantization rounds to another level there, and top-k chooses another of several equal coordinates.
"""


@dataclass(frozen=True)
class Graphs:
    """Hold the graphs, and describe them.

    Attributes:
        client: The content of ``client.onnx``.
        server: The content of ``server.onnx``.
        noise: The inputs of the client that take random numbers.
        wire: An example of what the client sends, (N, ...).
        answer: What the server answers to it, (N, ...).
        compared: The number of images that were compared together.
        logit_difference: The largest difference between logits of ONNX Runtime and of torch, for the same wire.

    Example: See ``graphs_of``, which returns it.
    """

    client: bytes
    server: bytes
    noise: list[RandomInput]
    wire: Tensor
    answer: Tensor
    compared: int
    logit_difference: float


@torch.no_grad()
def graphs_of(halves: Halves, images: Tensor) -> Graphs:
    """Translate both halves, run the graphs by ONNX Runtime, and compare the numbers with those of torch.

    Args:
        halves: The halves.
        images: Images (N, C, H, W) in [0, 1] for the comparison, at least 3. They are compared with noise below one
            level of 8 bits, since evenly colored areas give equal numbers, of which a channel may choose any. They are
            compared one by one, and so many together that no size of an image, wire, answer or draw can stand for their
            number; images are repeated for that.

    Raises:
        UsageError: If a half cannot be expressed in ONNX, or its graph computes other numbers.
    """
    torch.manual_seed(0)
    images = (LEVELS * images + torch.rand_like(images)) / (LEVELS + 1)
    wire = halves.client(images[:TRACED_IMAGES])
    if not isinstance(wire, Tensor):
        raise UsageError(f"Expected a wire that is a tensor, got {type(wire).__name__}. Export with another defense.")
    answer = halves.server(wire)
    if drawn_shapes(halves.server, wire):
        raise UsageError("Expected a server without random numbers, got one that draws some. Export another model.")
    client, server = (
        _graph(halves.client, images[:TRACED_IMAGES], ("image", "wire")),
        _graph(halves.server, wire, ("wire", "logits")),
    )
    noise = expose(client, drawn_shapes(halves.client, images))
    expose(server, [])
    contents = {CLIENT: _content(client, CLIENT), SERVER: _content(server, SERVER)}
    sizes = {*images.shape[1:], *wire.shape[1:], *answer.shape[1:], *(size for each in noise for size in each.shape)}
    batches = [
        images[:1],
        _as_many(images, next(count for count in itertools.count(len(images)) if count not in sizes)),
    ]
    difference = max(_compare(halves, batch, noise, contents) for batch in batches)
    return Graphs(contents[CLIENT], contents[SERVER], noise, wire, answer, len(batches[-1]), difference)


def _as_many(images: Tensor, count: int) -> Tensor:
    """Return as many images as wanted, again from the first where there are fewer."""
    return images[torch.arange(count) % len(images)]


def _graph(half: nn.Module, example: Tensor, names: tuple[str, str]) -> Any:
    """Return a half as an ``onnx.ModelProto`` that takes any number of images."""
    try:
        with _silence():
            program = torch.onnx.export(
                half,
                (example,),
                dynamo=True,
                input_names=names[:1],
                output_names=names[1:],
                dynamic_shapes=({0: BATCH},),
                verbose=False,
            )
    except Exception as error:  # of torch.export, of onnxscript or of the code of a plug-in
        reason = reason_of(error.__cause__ or error)
        operation = re.search(r"target=(torch\.ops\.\w+\.\w+)", reason)
        got = operation[1] if operation else shorten(reason, LONGEST_REASON)
        if "data-dependent" in reason:
            got = "a condition on the numbers in the images"
        raise UsageError(
            f"Expected operations that ONNX has from {names[0]} to {names[1]}, got {got}. Choose another split or "
            "another defense."
        ) from error
    assert program is not None
    model = program.model_proto
    for node in model.graph.node:  # The exporter notes the lines and folders of the code.
        del node.metadata_props[:]
        node.ClearField("doc_string")
    del model.metadata_props[:]
    return model


@contextmanager
def _silence() -> Iterator[None]:
    """Keep back what torch prints, logs and warns of, such as the whole graph of code that it cannot translate."""
    disabled = logging.root.manager.disable
    logging.disable()
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _content(model: Any, name: str) -> bytes:
    try:
        return model.SerializeToString()
    except Exception as error:  # of protobuf, for more than 2 GiB
        raise UsageError(f"Cannot write {name}: {reason_of(error)}. Choose an earlier split.") from error


def _compare(halves: Halves, images: Tensor, noise: Sequence[RandomInput], contents: Mapping[str, bytes]) -> float:
    """Return the largest difference of the logits, for what the client in ONNX Runtime sends.

    Raises:
        UsageError: If the wires or the logits differ by more than rounding.
    """
    numbers = [each.draw(len(images)) for each in noise]
    given = {"image": images} | {each.name: drawn for each, drawn in zip(noise, numbers, strict=True)}
    sent = _run(CLIENT, contents[CLIENT], given)
    with GivenNumbers(numbers):
        expected = halves.client(images.clone())
    differ = _too_far(sent, expected).double().mean().item()
    if differ > (ROUNDED_SHARE if halves.rounds else 0):
        raise UsageError(
            f"Expected the wire of {CLIENT} to equal that of torch to {MAX_EXPORT_DIFFERENCE:g}, got other numbers in "
            f"{differ:.2%} of it. Nothing was written. Choose another split or another defense."
        )
    logits, answer = _run(SERVER, contents[SERVER], {"wire": sent}), halves.server(sent)
    if _too_far(logits, answer).any():
        raise UsageError(
            f"Expected the logits of {SERVER} to equal those of torch to {MAX_EXPORT_DIFFERENCE:g}, got a difference "
            f"of {(logits - answer).abs().max().item():.3g}. Nothing was written. Choose another split."
        )
    return (logits - answer).abs().max().item()


def _too_far(found: Tensor, expected: Tensor) -> Tensor:
    """Tell for each number whether it differs by more than the tolerance. NaN differs from everything."""
    if found.shape != expected.shape:
        return torch.ones(1, dtype=torch.bool)
    return ~((found - expected).abs() <= MAX_EXPORT_DIFFERENCE * expected.abs().clamp(min=1))


def _run(name: str, content: bytes, given: Mapping[str, Tensor]) -> Tensor:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4  # only what ends the process; this function tells errors
    settings.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])
        (answer,) = session.run(None, {each: value.numpy() for each, value in given.items()})
    except Exception as error:  # of a binding, which has no public base class
        raise UsageError(
            f"Expected ONNX Runtime to run {name} for {count_of(len(next(iter(given.values()))), 'image')}, got "
            f"{_reason(error)}. Choose another split or another defense."
        ) from error
    return torch.from_numpy(answer)


def _reason(error: Exception) -> str:
    """Return why ONNX Runtime fails: the operator if it names one, else its own words without codes and paths."""
    reason = reason_of(error)
    if operator := re.search(r"while running (\w+) node|implementation for (\w+)\(", reason):
        failed, unknown = operator.groups()
        return f"an error of its operator {failed}" if failed else f"the operator {unknown}, which it does not have"
    words = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from .*? failed:", "", reason)
    return shorten(words, LONGEST_REASON)
