"""Random streams follow from what is computed."""

import pytest
import torch
from mia_bench.benchmark.utils.seeding import seeded, stream_seed


def test_one_identity_gives_one_stream_and_another_gives_another() -> None:
    with seeded("cell", 1):
        first = torch.rand(3)
    with seeded("cell", 1):
        again = torch.rand(3)
    with seeded("cell", 2):
        other = torch.rand(3)

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_stream_outside_goes_on_undisturbed() -> None:
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)

    with seeded("inside"):
        torch.rand(100)

    assert torch.equal(torch.rand(2), expected)


def test_seeds_do_not_depend_on_the_process() -> None:
    assert stream_seed("a", {"b": 1}) == 2493491954839080958


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_nothing_is_kept_for_a_gpu_that_is_absent() -> None:
    kept = len(torch.cuda._queued_calls)

    with seeded("cell"):
        pass

    assert len(torch.cuda._queued_calls) == kept
