"""Small programs, and a client and an evaluator for them."""

from itertools import pairwise

import numpy as np
from mia_bench.defenses._ckks.client import CkksClient
from mia_bench.defenses._ckks.evaluator import Evaluator
from mia_bench.defenses._ckks.layout import PackingLayout, width_of
from mia_bench.defenses._ckks.parameters import choose_parameters
from mia_bench.defenses._ckks.program import Layer, Program


def program(*sizes: int, seed: int = 0) -> Program:
    """Matrices of these sizes with squares between them, all values of order 1."""
    random = np.random.default_rng(seed)
    layers = [
        Layer(random.normal(size=(after, before)) / before**0.5, random.normal(size=after), index < len(sizes) - 2)
        for index, (before, after) in enumerate(pairwise(sizes))
    ]
    return Program(tuple(layers), 2.0, 0.5)


def pair(given: Program, lanes: int | None = None) -> tuple[CkksClient, Evaluator, PackingLayout]:
    """A client, and an evaluator that has been given what it may have."""
    widths = [width_of(size) for layer in given.layers for size in (layer.inputs, layer.outputs)]
    parameters = choose_parameters(levels=given.levels, width=max(widths))
    layout, client = PackingLayout.of(given.layers, parameters, lanes), CkksClient(parameters)
    evaluator = Evaluator(
        given.layers,
        parameters,
        lanes=layout.lanes,
        relinearization=client.relinearization_keys() if given.squares else b"",
        rotations=client.rotation_keys(layout.steps) if layout.steps else b"",
    )
    return client, evaluator, layout
