"""Odd values of options and parameters: each is refused in one sentence that names it."""

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.errors import Inapplicable, UsageError
from mia_bench.defenses.dp_ir import DpIr

from .answers import refusal

REFUSED = [
    ("dp_ir:epsilon=1e308", "epsilon=1e+308: input should be less than or equal to 1e+09"),
    ("dp_ir:epsilon=1e-300", "epsilon=1e-300: input should be greater than or equal to 1e-06"),
    ("dp_ir:epsilon=nan", "epsilon=nan: input should be a finite number"),
    ("dp_ir:epsilon=-1", "epsilon=-1: input should be greater than"),
    ("dp_ir:sigma=1e308", "sigma=1e+308: input should be less than or equal to 1e+15"),
    ("dp_ir:sigma=inf", "sigma=inf: input should be a finite number"),
    ("dp_ir:sigma=true", "sigma=true: input should be a valid number"),
    ("dp_ir:sigma=", "sigma=: input should be a valid number"),
    ("dp_ir:clip=1e308", "clip=1e+308: input should be less than or equal to 1e+15"),
    ("dp_ir:epsilon=1,delta=1e-300", "delta=1e-300: input should be greater than or equal to 1e-100"),
    ("dp_ir:epsilon=1,delta=1", "delta=1: input should be less than"),
    ("dp_ir:releases=" + "9" * 400, "releases="),
    ("dp_ir:sigma=[1", "sigma=[1: input should be a valid number"),
    ("dp_ir:sigma=[[[[", "sigma=[[[[: input should be a valid number"),
    ("dp_ir:sigma", "Expected key=value"),
    ("dp_ir:sigma=1,sigma=2", "gives 'sigma' twice"),
    ("dp_ir:\x1b[31m=2", "has no parameter"),
    ("", "Unknown defense ''"),
    (":::", "Expected key=value"),
]


@pytest.mark.parametrize(("spec", "sentence"), REFUSED, ids=[repr(spec)[:40] for spec, _ in REFUSED])
def test_an_odd_value_of_a_parameter_is_refused_with_its_name(spec: str, sentence: str, tmp_path: Path) -> None:
    assert sentence in refusal("run", "--defense", spec, "--dry-run", "--out", tmp_path / "out")


SIZES = {"sigma": (5e-324, 1e-30, 1.0, 1e15), "clip": (5e-324, 1e-30, 1.0, 1e15), "epsilon": (1e-6, 1.0, 1e9)}
CORNERS: list[dict[str, Any]] = [
    {first: a, "clip": clip, "delta": delta, "releases": releases, "noise": noise}
    for first in ("sigma", "epsilon")
    for a, clip, delta, releases, noise in itertools.product(
        SIZES[first], SIZES["clip"], (1e-100, 1e-5, 0.99), (1, 10**12), ("gaussian", "laplacian")
    )
]


def test_noise_at_the_ends_of_its_bounds_has_a_finite_promise_or_one_sentence() -> None:
    refused = 0
    for corner, nonnegative in itertools.product(CORNERS, (False, True)):
        try:
            _, promise = DpIr(**corner).calibrate(
                lambda images: images,
                None,  # pyright: ignore[reportArgumentType]
                nonnegative=nonnegative,
            )
        except (UsageError, Inapplicable):
            refused += 1
            continue
        assert promise.epsilon is None or (math.isfinite(promise.epsilon) and promise.epsilon >= 0), corner
    assert refused < len(CORNERS)
