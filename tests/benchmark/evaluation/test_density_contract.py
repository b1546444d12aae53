"""A density from which bounds are computed leaves out nothing that is sent."""

from dataclasses import replace

import pytest
import torch
from mia_bench.benchmark.errors import ContractError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.density_contract import require_density_of_each_number
from mia_bench.benchmark.interfaces import Channel, ImageSet, SplitModel
from torch import Tensor, nn

from ...helpers.tried_defenses import row_of

VALUES = torch.rand(8, 3, 5, generator=torch.Generator().manual_seed(0))


class BesideItsSum(Channel):
    """Noise, and the sum of the value without noise. The density looks at the sum or not."""

    stochastic = True

    def __init__(self, *, whole: bool) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, value: Tensor) -> Tensor:
        flat = value.flatten(1)
        return torch.cat([flat + torch.randn_like(flat), flat.sum(1, keepdim=True)], 1)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor:
        flat = value.flatten(1)
        density = -(sent[:, :-1] - flat).square().sum(1) / 2
        wrong = sent[:, -1] != flat.sum(1)
        return density.masked_fill(wrong, -torch.inf) if self.whole else density


class WithoutSum(nn.Module):
    """Reads the noisy numbers alone."""

    def __init__(self, server: nn.Module, shape: torch.Size) -> None:
        super().__init__()
        self.server, self.shape = server, shape

    def forward(self, sent: Tensor) -> Tensor:
        return self.server(sent[:, :-1].unflatten(1, self.shape))


def test_a_number_without_noise_that_the_density_leaves_out_is_found() -> None:
    with pytest.raises(ContractError, match="leaves out number 15 of 16, which is sent without noise"):
        require_density_of_each_number(BesideItsSum(whole=False), VALUES)


def test_a_density_of_all_numbers_is_accepted() -> None:
    require_density_of_each_number(BesideItsSum(whole=True), VALUES)


class WithoutNoise(Channel):
    """Says to be random and to have a density, and sends maps as they are, in another order of memory."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return value.contiguous(memory_format=torch.channels_last)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor:
        return 0 * sent.flatten(1).sum(1)


def test_numbers_in_another_order_of_memory_are_found() -> None:
    with pytest.raises(ContractError, match="leaves out number 0 of 24, which is sent without noise"):
        require_density_of_each_number(WithoutNoise(), torch.rand(8, 2, 3, 4))


@pytest.mark.parametrize("whole", [True, False])
def test_a_run_refuses_a_density_that_leaves_out_a_number(bench: Artifacts, whole: bool) -> None:
    def protect(model: SplitModel, train: ImageSet) -> SplitModel:
        shape = model.client(train.images[:1]).shape[1:]
        return replace(model, ir_channel=BesideItsSum(whole=whole), server=WithoutSum(model.server, shape))

    row = row_of(bench, protect)

    assert row.status == ("done" if whole else "failed"), row.reason
    assert whole or "Expected a log_density of every number that is sent" in (row.reason or "")
