"""Records that are damaged, deleted, edited or of another version."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.leaderboard.records import SCHEMA_VERSION
from mia_bench.benchmark.leaderboard.results_folder import images_path
from mia_bench.defenses.dp_ir import DpIr
from torch import nn

from ...helpers.commands import mia_bench, run


def test_a_damaged_record_is_named_and_nothing_is_lost(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(tree, out, "--defense", "undefended", "--attack", "ridge").exit_code == 0
    damaged, kept = sorted((out / "cells").glob("*.json"))
    content, damaged_content = kept.read_bytes(), damaged.read_bytes()[:100]
    damaged.write_bytes(damaged_content)

    result = run(tree, out, "--defense", "undefended", "--attack", "ridge")

    assert result.exit_code == 2
    assert f"{damaged} is not a valid record" in result.stderr
    assert (kept.read_bytes(), damaged.read_bytes()) == (content, damaged_content)


def test_a_record_that_was_deleted_is_computed_again_with_the_same_scores(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(tree, out, "--defense", "undefended", "--attack", "ridge").exit_code == 0
    before = pd.read_csv(out / "leaderboard.csv")
    min((out / "cells").glob("*.json")).unlink()

    result = run(tree, out, "--defense", "undefended", "--attack", "ridge")

    assert result.exit_code == 0, result.stderr
    scores = ["cell_id", "accuracy", "psnr_db", "ssim"]
    pd.testing.assert_frame_equal(pd.read_csv(out / "leaderboard.csv")[scores], before[scores])


def test_rows_without_records_are_not_overwritten(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(tree, out, "--defense", "undefended", "--attack", "ridge").exit_code == 0
    for path in (*(out / "cells").glob("*.json"), out / "plan.json"):
        path.unlink()
    content = (out / "leaderboard.csv").read_bytes()

    result = run(tree, out, "--defense", "undefended", "--attack", "ridge")

    assert result.exit_code == 2
    assert "got 2 rows without one, which would be lost" in result.stderr
    assert (out / "leaderboard.csv").read_bytes() == content


def test_records_of_an_older_schema_are_set_aside_and_computed_anew(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(tree, out, "--defense", "undefended", "--attack", "ridge").exit_code == 0
    for path in (out / "cells").glob("*.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "schema_version": 1, "row": {"status": "done", "psnr_db": 48.0}}))
    (out / "leaderboard.schema.json").write_text('{"schema_version": 1, "columns": []}')
    (out / "leaderboard.csv").write_text("psnr\n48.0\n")

    read = mia_bench("status", out)
    result = run(tree, out, "--defense", "undefended", "--attack", "ridge")

    assert read.exit_code == 2
    assert f"Expected a record of schema {SCHEMA_VERSION}, got schema 1 in" in read.stderr
    assert result.exit_code == 0, result.stderr
    assert "Moved 2 records of another version or other data to" in result.stderr.replace("\n", " ")
    assert pd.read_csv(out / "leaderboard.csv")["status"].tolist() == ["done", "done"]
    assert len(list((out / "outdated").glob("*.json"))) == 2 + 1
    assert mia_bench("status", out).stdout.strip() == "2 done, 0 failed, 0 inapplicable, 0 missing"


def test_records_of_another_version_are_never_mixed_and_come_back_with_it(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results"
    words = ("--defense", "undefended", "--attack", "ridge", "--attack", "pinv")
    assert run(tree, out, *words).exit_code == 0
    before = pd.read_csv(out / "leaderboard.csv").set_index("attack")
    images = images_path(out, before.loc["ridge", "cell_id"])  # which a run from Python keeps
    images.parent.mkdir()
    images.touch()

    with monkeypatch.context() as patch:
        patch.setattr(Ridge, "version", Ridge.version + 1)
        result = run(tree, out, *words)
    changed = pd.read_csv(out / "leaderboard.csv").set_index("attack")

    assert result.exit_code == 0, result.stderr
    assert len(changed) == 3
    assert changed["cell_id"].eq(before["cell_id"]).to_dict() == {"mean_image": True, "pinv": True, "ridge": False}
    assert mia_bench("status", out).stdout.strip() == "3 done, 0 failed, 0 inapplicable, 0 missing"
    assert (out / "outdated" / f"{before.loc['ridge', 'cell_id']}.png").exists()
    assert not images.exists()

    dry = run(tree, out, *words, "--dry-run")
    again = run(tree, out, *words)
    assert "3 cells, 0 to do" in dry.stdout
    assert "1 cell is computed again." in " ".join(result.stderr.split())
    assert "All 3 cells are already done." in again.stderr
    assert images.exists()
    assert "Moved 1 record of another version" in " ".join(again.stderr.split())
    assert "computed again" not in again.stderr
    pd.testing.assert_frame_equal(pd.read_csv(out / "leaderboard.csv").set_index("attack"), before)
    assert (out / "pictures" / f"{before.loc['ridge', 'cell_id']}.png").exists()


@pytest.mark.slow
def test_records_of_an_older_version_are_set_aside_by_any_run_and_then_missing(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results"
    defenses = ("--defense", "dp_ir:sigma=0.5", "--defense", "dropout")
    assert run(tree, out, *defenses, "--attack", "ridge").exit_code == 0

    monkeypatch.setattr(DpIr, "version", DpIr.version + 1)
    result = run(tree, out, "--defense", "dp_ir:sigma=2", "--attack", "mean_image")
    board = pd.read_csv(out / "leaderboard.csv")
    ranked = mia_bench("rank", out)

    assert "Moved 2 records of another version" in result.stderr
    assert sorted(board["defense"] + " " + board["attack"]) == [
        "dp_ir mean_image",
        "dropout mean_image",
        "dropout ridge",
        "undefended mean_image",
        "undefended ridge",
    ]
    assert "2.0" in board.set_index("defense").loc["dp_ir", "defense_params"]
    assert mia_bench("status", out).stdout.splitlines()[-2:] == [
        "5 done, 0 failed, 0 inapplicable, 2 missing",
        "Finished cells are saved; rerun the same command to resume.",
    ]
    assert "2 planned cells are missing" in ranked.stderr
    assert "2 planned cells are missing" in mia_bench("audit", out).stderr
    assert run(tree, out, *defenses, "--attack", "ridge").exit_code == 0
    assert mia_bench("status", out).stdout.strip() == "7 done, 0 failed, 0 inapplicable, 0 missing"


def test_scores_of_two_protocols_are_not_ranked_together(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(tree, out, "--defense", "undefended", "--attack", "ridge").exit_code == 0
    board = pd.read_csv(out / "leaderboard.csv")
    alone = tmp_path / "board.csv"
    board.assign(protocol=[1, 2]).to_csv(alone, index=False)
    board[:0].to_csv(tmp_path / "empty.csv", index=False)

    ranked, empty = mia_bench("rank", alone), mia_bench("rank", tmp_path / "empty.csv")

    assert (ranked.exit_code, empty.exit_code) == (2, 2)
    assert "Expected scores of one evaluation protocol, got 1 in" in ranked.stderr
    assert "Expected results to rank, got no rows in " in empty.stderr


def test_a_board_edited_beside_its_records_is_refused_and_the_folder_is_not(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(tree, out, "--defense", "undefended", "--attack", "ridge").exit_code == 0
    before = mia_bench("rank", out / "leaderboard.csv").stdout
    board = pd.read_csv(out / "leaderboard.csv")
    board.assign(accuracy=0.123).to_csv(out / "leaderboard.csv", index=False)

    refused = mia_bench("rank", out / "leaderboard.csv")

    assert refused.exit_code == 2
    assert "Expected accuracy 1.0 as in the record" in refused.stderr
    assert "got 0.123 in " in refused.stderr
    assert mia_bench("rank", out).stdout == before


def test_records_of_a_network_whose_outputs_have_names_stay_when_an_attack_is_added(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = f"named_{abs(hash(tmp_path))}"
    (tmp_path / f"{module}.py").write_text(
        "from torch import nn\ndef build(image_shape, classes):\n    return nn.Sequential("
        "nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 3))\n"
    )
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 3))
    torch.save(network.state_dict(), "weights.pth")
    (tmp_path / "names.txt").write_text("red\ngreen\nblue\n")  # not in the order of the folders
    words = ("--model", f"python:build={module}:build,weights=weights.pth,categories=names.txt", "--split", "1")
    words = (
        "run",
        "--dataset",
        "imagefolder:size=16",
        "--data-dir",
        tree,
        "--images",
        "4",
        *words,
        "--defense",
        "undefended",
    )

    first, second = (mia_bench(*words, "--out", "out", "--attack", attack) for attack in ("ridge", "pinv"))

    assert (first.exit_code, second.exit_code) == (0, 0), first.stderr + second.stderr
    assert "Moved" not in second.stderr
    assert {*pd.read_csv(tmp_path / "out" / "leaderboard.csv")["attack"]} == {"mean_image", "ridge", "pinv"}
