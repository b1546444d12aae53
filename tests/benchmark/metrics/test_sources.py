"""Images of one source count as one: from the data set to the interval, without the attacker seeing it."""

from dataclasses import replace

import pytest
import torch
from mia_bench.attacks.black_box import BlackBox
from mia_bench.benchmark.compare.differences import compare
from mia_bench.benchmark.datasets.photos import PHOTOGRAPHS, Photos
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.interfaces import ImageSet, Pools
from mia_bench.benchmark.leaderboard.ranking_uncertainty import leak_estimates
from mia_bench.benchmark.leaderboard.records import PerImage, Record
from mia_bench.benchmark.leaderboard.scored_rows import ScoredRows
from mia_bench.benchmark.metrics import interval
from mia_bench.benchmark.plan.cells import Cell
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner.packed_pools import PackedPools
from mia_bench.benchmark.utils.fingerprints import groups_of_equal
from pydantic import ValidationError
from torch import Tensor

from ..compare.test_differences import MEAN, side
from ..compare.test_differences import cell as scored

SOURCES = [0, 0, 0, 1, 1, 1, 2, 2]
SHIFTED = [12.0, 14.1, 17.2, 11.1, 13.2, 16.0, 20.0, 14.3]
"""Up by 2 for two sources, and by nearly 0 for one: with three sources the change may be chance."""


def sourced(record: Record) -> Record:
    return record.model_copy(update={"per_image": record.per_image.model_copy(update={"sources": SOURCES})})


def pools(sources: Tensor | None) -> Pools:
    def images(count: int) -> ImageSet:
        return ImageSet(torch.rand(count, 1, 16, 16), torch.arange(count) % 2)

    return Pools(images(40), images(40), replace(images(8), sources=sources), classes=("a", "b"))


def bench(sources: Tensor | None) -> Artifacts:
    torch.manual_seed(0)
    content = pools(sources)
    return Artifacts(device=torch.device("cpu"), data_dir=None, load=lambda dataset: content)


def cell(bench: Artifacts) -> Cell:
    request = Request(dataset="photos", splits=["relu1"], defenses=["undefended"], attacks=["mean_image"], images=8)
    found = plan(request)[0]
    bench.check(found.setting)
    return found


def test_patches_of_a_photograph_have_it_as_their_source() -> None:
    private = Photos().load(None).private

    assert private.sources is not None
    assert private.sources.unique().tolist() == list(range(len(PHOTOGRAPHS)))
    assert private[:14].sources is not None
    assert private[torch.tensor([3, 1])].sources == pytest.approx(private.sources[[3, 1]])


def test_the_attacker_sees_the_sources_of_own_images_alone() -> None:
    content, sources = pools(torch.arange(8)), torch.arange(40) // 2
    content = replace(content, aux=replace(content.aux, sources=sources), train=replace(content.train, sources=sources))
    workbench = Artifacts(device=torch.device("cpu"), data_dir=None, load=lambda dataset: content)
    setting = cell(workbench).setting

    for attack in (BlackBox(), BlackBox(aux="same_set")):
        assert torch.equal(workbench.observe(setting, attack).aux.sources, sources)  # type: ignore[arg-type]
    assert workbench.observe(setting, BlackBox(aux="random")).aux.sources is None


def test_the_sources_travel_to_workers() -> None:
    named, unnamed = pools(torch.arange(8)), pools(None)
    named = replace(named, aux=replace(named.aux, sources=torch.arange(40) // 2))

    assert PackedPools.of(named).unpacked().private.sources is not None
    assert torch.equal(PackedPools.of(named).unpacked().private.sources, torch.arange(8))  # type: ignore[arg-type]
    assert PackedPools.of(named).unpacked().train.sources is None
    assert torch.equal(PackedPools.of(named).unpacked().aux.sources, torch.arange(40) // 2)  # type: ignore[arg-type]
    assert PackedPools.of(unnamed).unpacked().private.sources is None


@pytest.mark.parametrize(
    "sources", [torch.arange(7), torch.arange(8.0), torch.arange(8)[None], list(range(8)), torch.arange(8) - 1]
)
def test_sources_of_another_form_are_bad_input(sources: Tensor) -> None:
    with pytest.raises(UsageError, match=r"Expected the sources of private to be None or \(8,\) torch.int64"):
        cell(bench(sources))


@pytest.mark.slow
def test_a_record_holds_the_sources_and_its_intervals_count_them() -> None:
    named = bench(torch.tensor(SOURCES))

    record, _ = evaluate(cell(named), "0123456789abcdef", named)

    values, sources = torch.tensor(record.per_image.psnr_db), record.per_image.sources
    assert sorted(sources) == SOURCES
    low, high = interval(values, sources=sources)
    assert (record.row.psnr_db_low, record.row.psnr_db_high) == pytest.approx((low, high), abs=1e-4)
    assert (low, high) != pytest.approx(interval(values), abs=1e-2)


@pytest.mark.parametrize("sources", [None, torch.arange(8)])
def test_equal_images_count_as_one_and_the_record_says_so(sources: Tensor | None) -> None:
    torch.manual_seed(0)
    content = pools(sources)
    repeated = replace(content.private, images=content.private.images[:4].repeat(2, 1, 1, 1))
    artifacts = Artifacts(
        device=torch.device("cpu"), data_dir=None, load=lambda dataset: replace(content, private=repeated)
    )

    record, _ = evaluate(cell(artifacts), "0" * 16, artifacts)
    values = torch.tensor(record.per_image.psnr_db)
    groups = groups_of_equal(artifacts.attacked(cell(artifacts).setting).images)

    assert record.notes["repeated_images"].startswith("Only 4 of the 8 images under attack are different.")
    low, high = interval(values, sources=groups)
    assert (record.row.psnr_db_low, record.row.psnr_db_high) == pytest.approx((low, high), abs=1e-4)
    assert "repeated_images" not in evaluate(cell(bench(sources)), "0" * 16, bench(sources))[0].notes


def test_a_record_says_that_images_nearly_equal_each_other_or_those_of_the_attacker() -> None:
    torch.manual_seed(0)
    content = pools(None)
    frames = (content.private.images[:4].repeat(2, 1, 1, 1) + 0.01 * torch.randn(8, 1, 16, 16)).clamp(0, 1)
    own = torch.cat([content.aux.images[3:], (frames[:3] + 0.01 * torch.randn(3, 1, 16, 16)).clamp(0, 1)])
    content = replace(content, private=replace(content.private, images=frames), aux=replace(content.aux, images=own))

    def notes(sources: Tensor | None) -> dict[str, str]:
        given = replace(content, private=replace(content.private, sources=sources))
        artifacts = Artifacts(device=torch.device("cpu"), data_dir=None, load=lambda dataset: given)
        return evaluate(cell(artifacts), "0" * 16, artifacts)[0].notes

    assert notes(None)["near_copies"].startswith("4 of 8 images under attack nearly equal another one, as frames of")
    assert notes(None)["near_copies_of_aux"].startswith("6 of 8 images under attack nearly equal an image of the att")
    assert "near_copies" not in notes(torch.arange(4).repeat(2))
    others, _ = evaluate(cell(bench(None)), "0" * 16, bench(None))
    assert not others.notes.keys() & {"near_copies", "near_copies_of_aux", "repeated_images"}


def test_a_record_without_sources_is_valid_and_one_with_too_few_is_not() -> None:
    assert PerImage(psnr_db=[1.0, 2.0], ssim=[0.1, 0.2]).sources == []
    with pytest.raises(ValidationError, match="one per image, got 1"):
        PerImage(psnr_db=[1.0, 2.0], ssim=[0.1, 0.2], sources=[0])


def test_compare_audits_and_reports_count_sources() -> None:
    before, after = scored("ridge"), scored("ridge", SHIFTED, version="2")

    plain = compare(side(MEAN, before), side(MEAN, after))[-1].changes["psnr_db"]
    counted = compare(side(MEAN, sourced(before)), side(MEAN, sourced(after)))[-1].changes["psnr_db"]
    assert plain.significant
    assert not counted.significant
    assert counted.test == plain.test == "paired"

    for wrap, decided in ((lambda record: record, True), (sourced, False)):
        here, there = wrap(after), wrap(before)
        board = ScoredRows([here.row, there.row], {each.row.cell_id: each for each in (here, there)})
        assert board.exceeds(here.row, there.row, 0) is decided

    records = {before.row.cell_id: sourced(before)}
    found = leak_estimates([sourced(before).row], records, complete=True)["psnr_db"]
    assert (found.low, found.high) == pytest.approx(interval(torch.tensor(before.per_image.psnr_db), sources=SOURCES))


def test_attributes_travel_to_workers_too() -> None:
    plain = pools(None)
    numbers = torch.arange(float(len(plain.private)))[:, None]
    private = replace(plain.private, attributes=numbers)
    packed = PackedPools.of(replace(plain, private=private, attributes=("age",))).unpacked()

    assert packed.attributes == ("age",)
    assert torch.equal(packed.private.attributes, numbers)  # type: ignore[arg-type]
    assert packed.train.attributes is None
