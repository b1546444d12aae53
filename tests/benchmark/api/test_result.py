"""The result of ``mia_bench.run``."""

import io
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mia_bench
import numpy as np
import pandas as pd
import pytest
import torch
from mia_bench.benchmark.leaderboard.results_folder import images_path
from mia_bench.benchmark.plan.cells import Cell
from mia_bench.benchmark.runner import run as runner
from torch import nn

from ...helpers.trees import image_tree

IMAGES = torch.rand(30, 1, 12, 12, generator=torch.Generator().manual_seed(0))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 3))


def run(out: Path, **changes: Any) -> mia_bench.Result:
    given: dict[str, Any] = {"model": network(), "split": "1", "dataset": IMAGES, "attacks": "ridge"}
    return mia_bench.run(**{**given, "defenses": "quantize", "out": out, "quiet": True, **changes})


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> mia_bench.Result:
    return run(tmp_path_factory.mktemp("result") / "results")


def test_a_result_is_a_data_frame_and_what_is_derived_from_it_an_ordinary_one(result: mia_bench.Result) -> None:
    assert isinstance(result, pd.DataFrame)
    for derived in (result.frame, result[result["attack"] == "ridge"], result.copy(), pd.concat([result, result])):
        assert type(derived) is pd.DataFrame
    assert result.frame["psnr_db"].rank().tolist() == result["psnr_db"].rank().tolist()
    pd.testing.assert_frame_equal(pd.DataFrame(result.rank()), pd.DataFrame(mia_bench.rank(result)))


@pytest.mark.parametrize(
    "act", [lambda frame: frame.assign(psnr_db=frame["psnr_db_high"]), lambda frame: frame.round(1)]
)
def test_figures_of_a_frame_that_was_edited_or_rounded_count(
    act: Callable[[pd.DataFrame], pd.DataFrame], result: mia_bench.Result
) -> None:
    edited = act(result.copy())
    edited.attrs = dict(result.attrs)

    ranked = mia_bench.rank(edited)

    assert sorted(ranked["psnr_db"]) == pytest.approx(sorted(edited.groupby("defense")["psnr_db"].max()))


def test_images_have_the_scores_of_the_rows(result: mia_bench.Result) -> None:
    assert result.originals.shape == (6, 1, 12, 12)
    assert result.reconstructions.shape == (4, 6, 1, 12, 12)
    for row, scores in enumerate(result.itertuples()):
        found = mia_bench.psnr(torch.from_numpy(result.reconstructions[row]), torch.from_numpy(result.originals))
        assert found.mean().item() == pytest.approx(scores.psnr_db, abs=1e-3)
    per_image = result.per_image
    assert per_image.groupby("row")["psnr_db"].mean().tolist() == pytest.approx(result["psnr_db"].tolist())


def test_images_that_were_not_kept_are_computed_again(result: mia_bench.Result, tmp_path: Path) -> None:
    other = run(tmp_path)
    for cell in other["cell_id"]:
        images_path(tmp_path, cell).unlink()

    assert np.array_equal(other.reconstructions, result.reconstructions)
    assert images_path(tmp_path, other["cell_id"][0]).exists()


@pytest.mark.slow
def test_images_of_a_plug_in_are_computed_again_by_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place: dict[str, Any] = {"data_dir": image_tree(tmp_path / "images"), "out": tmp_path / "results", "quiet": True}
    request: dict[str, Any] = {"dataset": "imagefolder:size=16", "model": "lenet5", "split": "conv1", "images": 4}
    found = mia_bench.run(**request, **place, attacks="ridge", defenses="undefended")
    kept = found.reconstructions
    images_path(tmp_path / "results", found["cell_id"][0]).unlink()
    monkeypatch.setattr(Cell, "in_worker", property(lambda _: True))
    monkeypatch.setattr(runner, "run_job", None)  # this process cannot compute it

    assert np.array_equal(found.reconstructions, kept)


def test_a_cell_without_reconstructions_has_none(tmp_path: Path) -> None:
    found = run(tmp_path, attacks={"name": "white_box", "iterations": 5}, defenses="ckks")

    assert np.isnan(found.reconstructions).any((1, 2, 3, 4)).tolist() == [each != "done" for each in found["status"]]


def test_damaged_images_are_a_sentence(tmp_path: Path) -> None:
    found = run(tmp_path)
    path = images_path(tmp_path, found["cell_id"][0])
    one_array = io.BytesIO()
    np.save(one_array, np.zeros(3))

    for content in (b"damaged", one_array.getvalue()):
        path.write_bytes(content)
        with pytest.raises(mia_bench.UsageError, match="got a damaged file"):
            _ = found.reconstructions


def test_images_of_several_datasets_are_refused(tmp_path: Path) -> None:
    found = run(tmp_path, dataset=[IMAGES, IMAGES.flip(0)], attacks="mean_image", defenses="undefended")

    with pytest.raises(mia_bench.UsageError, match="a result of one dataset and number of images, got arrays"):
        _ = found.originals


def test_a_notebook_displays_the_table_and_the_images(result: mia_bench.Result) -> None:
    shown = result._repr_html_()

    assert "quantize" in shown
    assert shown.count("data:image/png;base64,") == 2
    assert "tensor(" not in shown


def test_a_report_is_a_page(result: mia_bench.Result, tmp_path: Path) -> None:
    page = result.report(tmp_path / "new" / "report.html", title="Mine")

    assert "<title>Mine</title>" in page.read_text()


def test_a_figure_shows_itself_and_is_saved_with_its_legend(result: mia_bench.Result, tmp_path: Path) -> None:
    figure = result.plot()

    figure.savefig(tmp_path / "a.svg")
    assert figure._repr_png_().startswith(b"\x89PNG")
    width = float((tmp_path / "a.svg").read_text().partition('width="')[2].partition("pt")[0])
    legend = figure.axes[0].get_legend().get_window_extent().x1 * 72 / figure.dpi
    assert width > legend - figure.axes[0].get_tightbbox().x0 * 72 / figure.dpi


def test_a_leak_is_one_number_with_its_images() -> None:
    given = network().train()

    found = mia_bench.leak(given, at="1", images=IMAGES[:6], aux=IMAGES[6:])

    assert given.training
    assert found.psnr_db > found.mean_image_db
    assert found.originals.shape == found.reconstructions.shape == (6, 1, 12, 12)
    assert repr(found).startswith(f"Leak at 1 by ridge: {found.psnr_db:.2f} dB, SSIM")
    assert "data:image/png" in found._repr_html_()
    assert found.plot()._repr_png_().startswith(b"\x89PNG")
    assert 0 <= found.identified <= 1


def test_a_leak_without_images_of_the_attacker_divides_the_images() -> None:
    found = mia_bench.leak(network(), "1", (IMAGES, [0, 1, 2] * 10), defense="quantize", mean=0.5, std=0.5)

    assert len(found.originals) == 6
    assert found.defense == "quantize"
    assert "against quantize" in repr(found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"at": ["1", "0"]}, "Expected one split, got 2. Give one, or call mia_bench.run"),
        ({"attack": "ridge,nearest"}, "Expected one attack, got 2"),
        ({"defense": "quantize:bits=4,quantize"}, "Expected one defense, got 2"),
        ({"seed": [0, 1]}, "Expected one seed, got 2"),
    ],
)
def test_a_leak_of_several_places_attacks_or_defenses_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(mia_bench.UsageError, match=words):
        mia_bench.leak(network(), **{"at": "1", "images": IMAGES[:6], "aux": IMAGES[6:], **changes})


def test_an_attack_that_does_not_apply_has_no_leak(tmp_path: Path) -> None:
    class Refusing(mia_bench.Attack):
        access = mia_bench.Access.QUERY_FREE

        def reconstruct(self, seen: mia_bench.Observation) -> Any:
            raise mia_bench.Inapplicable("It never applies.")

    with pytest.raises(mia_bench.UsageError, match=r"got refusing, inapplicable: It never applies\."):
        mia_bench.leak(network(), "1", IMAGES, attack=Refusing())


@pytest.mark.usefixtures("cache")
def test_a_leak_of_a_network_whose_training_diverges_says_what_to_do() -> None:
    class Diverging(nn.Module):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            return value + (value - value.detach()).sqrt()  # its slope is infinite

    class Odd(mia_bench.Model):
        def build(self, image_shape: tuple[int, ...], num_classes: int) -> nn.Sequential:
            return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(image_shape), num_classes), Diverging(), nn.ReLU())

    with pytest.raises(mia_bench.UsageError) as failed:
        mia_bench.leak(Odd(), "0", (IMAGES, np.arange(len(IMAGES)) % 2), attack="ridge")

    assert re.fullmatch(
        r"Expected ridge to give images at 0, but it or what it needs failed: Expected finite values, got NaN or "
        r"infinity in [\w.]+: the training of odd diverged\. Give trained weights, normalize the images or features, "
        r"or use a smaller network\.",
        str(failed.value),
    )


def test_the_public_names_are_listed_and_typed() -> None:
    stub = Path(mia_bench.__file__).with_suffix(".pyi").read_text()
    typed = {line.rpartition(" as ")[2] for line in stub.splitlines() if line.startswith("from ")}

    assert dir(mia_bench) == sorted(mia_bench.__all__)
    assert typed == set(mia_bench.__all__) - {"__version__"}


def test_images_follow_rows_that_are_sorted_in_place(tmp_path: Path) -> None:
    result = run(tmp_path / "results")
    result.loc[:] = result.sort_values("psnr_db").to_numpy()

    for row, scores in enumerate(result.itertuples()):
        found = mia_bench.psnr(torch.from_numpy(result.reconstructions[row]), torch.from_numpy(result.originals))
        assert found.mean().item() == pytest.approx(scores.psnr_db, abs=1e-3)
    assert result.per_image.groupby("row")["psnr_db"].mean().tolist() == pytest.approx(result["psnr_db"].tolist())


def test_a_result_is_copied_between_processes_as_a_data_frame(result: mia_bench.Result) -> None:
    assert "Result" not in str(result.__reduce__()[:2])
