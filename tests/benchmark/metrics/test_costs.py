"""The costs of a protected model: what is counted, and when two times differ."""

import itertools
import time
from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
from mia_bench.benchmark.interfaces import SplitModel
from mia_bench.benchmark.metrics import costs as costs_module
from mia_bench.benchmark.metrics.costs import Timing, measure_costs
from torch import Tensor, nn

MIN_SECONDS = costs_module.MIN_TIMING_SECONDS
"""What users get; ``brief_timing`` reduces it for all tests."""


@pytest.fixture(autouse=True)
def full_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs_module, "MIN_TIMING_SECONDS", MIN_SECONDS)
    monkeypatch.setattr(costs_module, "MAX_TIMING_SECONDS", 5)
    monkeypatch.setattr(costs_module, "BUSY_SECONDS", 0.2)


def split_model() -> SplitModel:
    client = nn.Sequential(OrderedDict(flat=nn.Flatten(), fc1=nn.Linear(64, 16)))
    return SplitModel(client=client, server=nn.Sequential(nn.Linear(16, 10)))


def test_bytes_rounds_and_parameters_of_a_small_client_are_those_by_hand() -> None:
    costs = measure_costs(split_model(), torch.rand(1, 1, 8, 8))

    assert (costs.wire_bytes, costs.bytes_down, costs.rounds) == (4 * 16, 4 * 10, 1)
    assert (costs.client_params, costs.client_param_bytes) == (65 * 16, 4 * 65 * 16)
    assert costs.client_peak_bytes == 4 * (64 + 16)


def test_one_slow_block_changes_neither_the_time_nor_the_spread() -> None:
    assert Timing.of([1.0] * 20 + [7.0] * 5) == Timing(1.0, 0.0)
    assert Timing.of([1.0] * 10 + [1.5] * 15) == Timing(1.0, 0.5)


def test_short_calls_are_repeated_for_a_least_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, sent = itertools.count(step=0.001), []
    monkeypatch.setattr(costs_module, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(costs_module, "_send", lambda model, image: (model.send(image), sent.append(0) or 1.0, True))

    measure_costs(split_model(), torch.rand(1, 1, 8, 8))

    assert len(sent) == pytest.approx(MIN_SECONDS / 0.001, abs=2)


def test_interrupted_calls_do_not_count_even_if_they_are_most(monkeypatch: pytest.MonkeyPatch) -> None:
    model, calls = split_model(), itertools.count()

    def send(model: SplitModel, image: Tensor) -> object:
        interrupted = next(calls) % 4 != 0
        return model.send(image), 9.0 if interrupted else 1.0, not interrupted

    monkeypatch.setattr(costs_module, "_send", send)
    costs = measure_costs(model, torch.rand(1, 1, 8, 8))

    assert (costs.client_ms, costs.timing) == (1.0, {"client_spread_ms": 0})


def test_a_client_that_waits_is_timed_by_the_clock() -> None:
    model = split_model()
    model.client.register_forward_pre_hook(lambda *_: time.sleep(0.005))

    assert measure_costs(model, torch.rand(1, 1, 8, 8)).client_ms >= 5


@pytest.mark.parametrize(("ms", "above"), [(2.2, 0.0), (3.0, 1.0), (1.0, -1.0)])
def test_a_difference_within_the_spread_is_no_difference(ms: float, above: float) -> None:
    assert Timing(ms, 0.3).above(Timing(2.0, 0.1)) == pytest.approx(above)


def test_the_undefended_client_is_timed_between_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, protected, order = split_model(), split_model(), []

    def send(model: SplitModel, image: Tensor) -> object:
        order.append(model is plain)
        return model.send(image), 1.0 if model is plain else 3.0, True

    monkeypatch.setattr(costs_module, "_send", send)
    timing = measure_costs(protected, torch.rand(1, 1, 8, 8), plain).timing

    assert order[:4] == [True, False, True, False]
    others = {"client_undefended_ms": 1, "client_overhead_ms": 2, "client_added_ms": 2}
    assert timing == {"client_spread_ms": 0} | others


def test_what_a_client_of_other_layers_adds_is_its_time_beyond_these_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, deeper = split_model(), split_model().moved_behind("0")

    def send(model: SplitModel, image: Tensor) -> object:
        return model.send(image), 1.0 if model is plain else 9.0, True

    monkeypatch.setattr(costs_module, "_send", send)
    monkeypatch.setattr(costs_module, "_run", lambda layers, image: 7.0)
    timing = measure_costs(deeper, torch.rand(1, 1, 8, 8), plain).timing

    assert (timing["client_overhead_ms"], timing["client_added_ms"]) == (8.0, 2.0)
