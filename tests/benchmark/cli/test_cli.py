"""The command line as its users meet it."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
import torch
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.cli import app
from mia_bench.benchmark.leaderboard.store import COLUMNS
from mia_bench.defenses.dp_ir import DpIr
from typer.testing import CliRunner, Result

from ...helpers.trees import hear_interrupts, image_tree

SMALL = ("--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "conv1", "--images", "4")


def mia_bench(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return image_tree(tmp_path / "images")


def run(tree: Path, out: Path, *words: str) -> Result:
    return mia_bench("run", *SMALL, "--data-dir", tree, "--out", out, *words)


def test_a_run_writes_a_leaderboard_with_the_columns_of_the_design_and_a_second_one_changes_nothing(
    tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"

    first = run(tree, out, "--defense", "dp_ir", "--sigma", "0.1", "--attack", "ridge")

    assert first.exit_code == 0, first.stderr
    assert first.stdout.splitlines()[-1] == f"Wrote {out / 'leaderboard.csv'}"
    board = pd.read_csv(out / "leaderboard.csv")
    assert list(board.columns) == COLUMNS
    assert set(zip(board["defense"], board["attack"], strict=True)) == {
        (defense, attack) for defense in ("undefended", "dp_ir") for attack in ("ridge", "mean_image")
    }
    assert set(board["status"]) == {"done"}
    content = (out / "leaderboard.csv").read_bytes()

    second = run(tree, out, "--defense", "dp_ir", "--sigma", "0.1", "--attack", "ridge")

    assert second.exit_code == 0
    assert "4 cells, 4 of them done before" in second.stderr
    assert (out / "leaderboard.csv").read_bytes() == content


def test_a_sweep_makes_one_defense_for_each_value_and_a_dry_run_writes_nothing(tree: Path, tmp_path: Path) -> None:
    result = run(
        tree, tmp_path / "results", "--defense", "dp_ir", "--sigma", "0.1,0.5", "--attack", "ridge", "--dry-run"
    )

    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("dp_ir:sigma=0.1 ") == result.stdout.count("dp_ir:sigma=0.5 ") == 2
    *_, need, count = result.stdout.splitlines()
    assert re.fullmatch(r"about \d+ s with --jobs 1, up to \d\.\d GB", need)
    assert count == "6 cells, 6 to do"
    assert not (tmp_path / "results").exists()


def test_a_repeated_option_and_commas_mean_the_same_everywhere(tree: Path) -> None:
    place = ("--data-dir", tree, "--out", tree / "none", "--images", "4", "--dry-run")
    several = {
        "--dataset": ("imagefolder:size=16", "imagefolder:size=20"),
        "--model": ("lenet5", "lenet5"),
        "--split": ("conv1", "relu1"),
        "--attack": ("ridge", "pinv:observations=2"),
        "--defense": ("dp_ir:sigma=0.1,delta=1e-6", "dropout"),
        "--seed": ("0", "1"),
    }
    commas = [word for option, values in several.items() for word in (option, ",".join(values))]
    repeated = [word for option, values in several.items() for value in values for word in (option, value)]

    once, twice = (mia_bench("run", *words, *place) for words in (commas, repeated))

    assert once.exit_code == 0, once.stderr
    assert once.stdout == twice.stdout
    assert "72 cells, 72 to do" in once.stdout  # 2 datasets, 2 splits, 2 seeds, 3 defenses, 3 attacks


def test_splits_choose_among_the_parts_of_a_suite(tree: Path) -> None:
    place = ("--data-dir", tree, "--out", tree / "none", "--dry-run")
    parts = 'dataset = { name = "imagefolder", size = 16 }\nmodel = "lenet5"\nattacks = ["ridge"]\n'
    (tree / "parts.toml").write_text(parts + "".join(f'[[parts]]\nsplit = "{name}"\n' for name in ("relu1", "fc1")))
    part = mia_bench("run", tree / "parts.toml", "--split", "fc1", "--images", "4", *place)

    assert " fc1 " in part.stdout
    assert " relu1 " not in part.stdout


def test_results_do_not_depend_on_the_number_of_processes_or_the_other_cells(tree: Path, tmp_path: Path) -> None:
    alone = run(tree, tmp_path / "a", "--defense", "dp_ir:sigma=0.3", "--attack", "ridge")
    shared = run(
        tree, tmp_path / "b", "--defense", "dropout", "--defense", "dp_ir:sigma=0.3", "--attack", "ridge", "--jobs", "2"
    )

    assert (alone.exit_code, shared.exit_code) == (0, 0), shared.stderr
    boards = [pd.read_csv(tmp_path / name / "leaderboard.csv").set_index("cell_id") for name in "ab"]
    scores = [
        "accuracy",
        "psnr_db",
        "psnr_db_low",
        "ssim",
        "recognisable",
        "identified",
        "leak_r2",
        "bound_psnr_db",
        "wire_bytes",
    ]
    pd.testing.assert_frame_equal(boards[0][scores], boards[1].loc[boards[0].index, scores])


WRONG = {
    "unknown defense": (["--defense", "dp_irr"], "Unknown defense 'dp_irr'. Did you mean 'dp_ir'?"),
    "unknown attack": (["--attack", "rigde"], "Unknown attack 'rigde'. Did you mean 'ridge'?"),
    "parameter without a colon": (
        ["--attack", "ridge,observations=4"],
        "got 'observations=4'. Write parameters behind a colon, as in ridge:observations=4",
    ),
    "unknown dataset": (["--dataset", "minst"], "Unknown dataset 'minst'. Did you mean 'mnist'?"),
    "unknown model": (["--model", "lenet"], "Unknown model 'lenet'. Did you mean 'lenet5'?"),
    "misspelt option": (["--defense", "dp_ir", "--sigam", "0.1"], "option --sigam. Did you mean 'sigma'?"),
    "misspelt own option": (["--imags", "3"], "option --imags. Did you mean '--images'?"),
    "option of another defense": (["--defense", "dropout", "--sigma", "0.1"], "option --sigma"),
    "negative sigma": (["--defense", "dp_ir", "--sigma", "-1"], "sigma=-1: input should be greater than or equal to 0"),
    "sigma nan": (["--defense", "dp_ir", "--sigma", "nan"], "sigma=nan: input should be a finite number"),
    "sigma text": (["--defense", "dp_ir", "--sigma", "much"], "sigma=much: input should be a valid number"),
    "sigma and epsilon": (["--defense", "dp_ir", "--sigma", "1", "--epsilon", "1"], "sigma=1.0 and epsilon=1.0"),
    "unknown split": (["--split", "conv7"], "no split 'conv7'; the layers are conv1, relu1"),
    "images too small for the model": (
        ["--dataset", "imagefolder:size=10"],
        "model lenet5 cannot take the (3, 10, 10) images of imagefolder:size=10",
    ),
    "underscores": (["--dry_run"], "Expected --dry-run, which is an option of run, got 'dry_run'."),
    "jobs": (["--jobs", "0"], "Expected jobs to be a whole number of at least 1, such as 2, got 0."),
    "jobs in words": (["--jobs", "two"], "Expected jobs to be a whole number of at least 1, such as 2, got 'two'."),
    "no value": (["--out"], "Option '--out' requires an argument."),
    "device": (["--device=tpu"], "Expected device to be auto, cpu or cuda, got 'tpu'."),
    "seed in words": (["--seed", "0,one"], "Expected whole numbers for the seeds, got 'one'"),
    "negative seed": (
        ["--seed", "-1"],
        "Expected seeds to be one or several whole numbers of at least 0, such as 0, got -1.",
    ),
    "no images": (["--images", "0"], "Expected images to be a whole number of at least 1, such as 64, got 0."),
    "too many images": (
        ["--images", "1000"],
        "Expected images to be at most 24, the private images of imagefolder, got 1000.",
    ),
    "no data": (["--data-dir", "/nowhere"], "/nowhere"),
    "no cuda": (["--device", "cuda"], "torch finds no CUDA device"),
    "unknown suite": (["quikc"], "Unknown suite 'quikc'. Did you mean 'quick'?"),
    "parameter without value": (["--defense", "dp_ir:sigma"], "Expected key=value, got 'sigma' in 'dp_ir:sigma'."),
    "unknown parameter": (["--defense", "dp_ir:sgima=1"], "has no parameter 'sgima'. Did you mean 'sigma'?"),
}


@pytest.mark.parametrize(("words", "sentence"), WRONG.values(), ids=WRONG)
def test_bad_usage_gets_one_sentence_and_exit_code_2(
    words: list[str], sentence: str, tree: Path, tmp_path: Path
) -> None:
    if "cuda" in words and torch.cuda.is_available():
        pytest.skip("this machine has CUDA")

    result = run(tree, tmp_path / "results", *words)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list((tmp_path / "results").rglob("*.json"))


def test_an_out_that_is_a_file_is_refused_and_the_file_kept(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("precious")

    result, dry = (run(tree, tmp_path / "results", *words) for words in ([], ["--dry-run"]))

    assert (result.exit_code, dry.exit_code) == (2, 2)
    assert f"Expected out to be a folder, which need not exist, got the file {tmp_path / 'results'}." in result.stderr
    assert (tmp_path / "results").read_text() == "precious"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_parameter_that_turns_out_wrong_during_the_run_gets_one_sentence_and_exit_code_2(
    jobs: str, tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"

    result = run(tree, out, "--defense", "deeper_client:to=nosuch", "--attack", "ridge", "--jobs", jobs)

    assert result.exit_code == 2
    assert "there is no layer 'nosuch' to move the split to; the layers are conv1" in result.stderr
    assert "Traceback" not in result.stderr
    assert (out / "leaderboard.csv").exists()


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
    assert "has 2 rows without a record" in result.stderr
    assert (out / "leaderboard.csv").read_bytes() == content


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "\x00\x01", None])
def test_a_file_that_is_no_leaderboard_is_refused_by_rank(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    if content is not None:
        path.write_text(content)

    result = mia_bench("rank", path)

    assert result.exit_code == 2
    assert str(path) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_rank_and_status_of_a_run(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(tree, out, "--defense", "dp_ir", "--sigma", "0.1", "--attack", "ridge").exit_code == 0

    ranked = mia_bench("rank", out / "leaderboard.csv", "--format", "csv")
    status = mia_bench("status", out)

    assert ranked.stdout.splitlines()[0].startswith("dataset,model,split,n_images,defense")
    assert [line.split(",")[4] for line in ranked.stdout.splitlines()[1:]] == ["dp_ir", "undefended"]
    assert status.stdout.strip() == "4 done, 0 failed, 0 inapplicable, 0 missing"
    for notation, sign in (
        ("table", "psnr_db"),
        ("markdown", "|:---"),
        ("latex", r"\toprule"),
        ("html", "<table"),
    ):
        assert sign in mia_bench("rank", out / "leaderboard.csv", "--format", notation).stdout


def test_audit_reads_folders_and_boards_and_strict_fails_on_flags(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(tree, out, "--defense", "dp_ir", "--sigma", "2", "--attack", "ridge").exit_code == 0

    honest = [mia_bench("audit", path, "--strict") for path in (out, out / "leaderboard.csv")]

    assert [(each.exit_code, each.stdout) for each in honest] == [(0, "No flags.\n")] * 2

    for path in (out / "cells").glob("*.json"):
        record = json.loads(path.read_text())
        if (record["row"]["defense"], record["row"]["attack"]) == ("dp_ir", "ridge"):
            record["details"]["aux_overlap"] = 2
            path.write_text(json.dumps(record))
    planted, strict = mia_bench("audit", out), mia_bench("audit", out / "leaderboard.csv", "--strict")

    assert (planted.exit_code, strict.exit_code) == (0, 1)
    assert planted.stdout == strict.stdout
    assert planted.stdout.startswith("aux-overlap: 1 cell. ")
    last = planted.stdout.splitlines()[-1]
    assert last.startswith("  - ridge on dp_ir:sigma=2.0 (imagefolder:size=16 lenet5 conv1 seed 0) had 2 of the 4 ")
    ranked = pd.read_csv(StringIO(mia_bench("rank", out / "leaderboard.csv", "--format", "csv").stdout))
    assert dict(zip(ranked["defense"], ranked["flags"].fillna(""), strict=True)) == {
        "dp_ir": "aux-overlap",
        "undefended": "",
    }
    again = run(tree, out, "--defense", "dp_ir", "--sigma", "2", "--attack", "ridge")
    assert "Flag aux-overlap, 1 cell (ridge on dp_ir:sigma=2.0). Remove the duplicates" in again.stderr
    assert "run mia-bench audit on the results folder" in again.stderr
    assert again.stdout.splitlines()[-1] == f"Wrote {out / 'leaderboard.csv'}"


@pytest.mark.parametrize("kind", ["empty folder", "missing"])
def test_audit_of_what_is_no_result_is_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    result = mia_bench("audit", tmp_path if kind == "empty folder" else tmp_path / "nothing")

    assert result.exit_code == 2
    assert str(tmp_path) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


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
    assert "Expected a record of schema 2, got schema 1 in" in read.stderr
    assert result.exit_code == 0, result.stderr
    assert "2 records are of another version or other data: set aside in" in result.stderr.replace("\n", " ")
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

    with monkeypatch.context() as patch:
        patch.setattr(Ridge, "version", Ridge.version + 1)
        result = run(tree, out, *words)
    changed = pd.read_csv(out / "leaderboard.csv").set_index("attack")

    assert result.exit_code == 0, result.stderr
    assert len(changed) == 3
    assert changed["cell_id"].eq(before["cell_id"]).to_dict() == {"mean_image": True, "pinv": True, "ridge": False}
    assert mia_bench("status", out).stdout.strip() == "3 done, 0 failed, 0 inapplicable, 0 missing"
    assert (out / "outdated" / f"{before.loc['ridge', 'cell_id']}.png").exists()

    dry = run(tree, out, *words, "--dry-run")
    again = run(tree, out, *words)
    assert "3 cells, 0 to do" in dry.stdout
    assert "3 cells, 3 of them done before" in again.stderr
    pd.testing.assert_frame_equal(pd.read_csv(out / "leaderboard.csv").set_index("attack"), before)
    assert (out / "pictures" / f"{before.loc['ridge', 'cell_id']}.png").exists()


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

    assert "2 records are of another version" in result.stderr
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
    assert "leaderboard.csv, line 2 has accuracy 0.123, and the record" in refused.stderr
    assert mia_bench("rank", out).stdout == before


def test_a_cell_that_has_no_meaning_is_a_row_with_its_reason_and_no_score(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"

    result = run(tree, out, "--defense", "deeper_client:layers=99", "--attack", "ridge")

    board = pd.read_csv(out / "leaderboard.csv").set_index(["defense", "attack"])
    assert result.exit_code == 0
    assert board.loc[("deeper_client", "ridge"), "status"] == "inapplicable"
    assert "cannot move 99 layers deeper" in board.loc[("deeper_client", "ridge"), "reason"]
    assert pd.isna(board.loc[("deeper_client", "ridge"), "psnr_db"])


def start(tree: Path, out: Path) -> subprocess.Popen[str]:
    words = ("--defense", "dp_ir", "--sigma", "0.1,0.2,0.3,0.4,0.5", "--attack", "ridge", "--seed", "0", "--seed", "1")
    command = [sys.executable, "-m", "mia_bench.benchmark.cli", "run", *SMALL, "--data-dir", tree, "--out", out, *words]
    return subprocess.Popen(
        list(map(str, command)),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=hear_interrupts,
    )


def wait_for_records(out: Path, count: int, process: subprocess.Popen[str]) -> None:
    for _ in range(3000):
        if len(list((out / "cells").glob("*.json"))) >= count or process.poll() is not None:
            return
        time.sleep(0.02)


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_stopped_run_keeps_its_finished_cells_and_goes_on_from_there(
    stop: signal.Signals, code: int, tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    process = start(tree, out)
    wait_for_records(out, 3, process)
    os.kill(process.pid, stop)
    _, told = process.communicate()
    kept = {path: path.read_bytes() for path in (out / "cells").glob("*.json")}

    assert process.returncode == code
    assert stop is signal.SIGKILL or told.splitlines()[-1] == (
        f"Interrupted by {stop.name}. Finished cells are saved; rerun the same command to resume."
    )
    assert 3 <= len(kept) < 24

    again = start(tree, out)
    _, messages = again.communicate()

    assert again.returncode == 0, messages
    assert f"24 cells, {len(kept)} of them done before" in messages
    assert all(path.read_bytes() == content for path, content in kept.items())
    assert len(pd.read_csv(out / "leaderboard.csv")) == 24
    assert not [path for path in (out / "cells").iterdir() if path.suffix == ".json" and path.name.startswith(".")]


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_when_there_is_room(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, room = tmp_path / "results", iter(range(11))
    words = ("--defense", "dp_ir", "--sigma", "0.1,0.2,0.3,0.4,0.5", "--attack", "ridge")
    assert run(tree, tmp_path / "warm", *words).exit_code == 0

    def fsync(file: int) -> None:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        full = run(tree, out, *words)
    kept = {path: path.read_bytes() for path in (out / "cells").iterdir()}

    assert full.exit_code == 2
    expected = f"Error: Cannot write results to {out}: No space left on device. Finished cells are saved"
    assert expected in full.stderr
    assert 2 <= len(kept) < 12
    assert {path.suffix for path in kept} == {".json"}

    again = run(tree, out, *words)
    assert again.exit_code == 0, again.stderr
    assert f"12 cells, {len(kept)} of them done before" in again.stderr
    assert all(path.read_bytes() == content for path, content in kept.items())
    assert len(pd.read_csv(out / "leaderboard.csv")) == 12


def test_two_runs_into_one_folder_at_once_corrupt_nothing(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    both = [start(tree, out), start(tree, out)]
    messages = [process.communicate()[1] for process in both]

    assert [process.returncode for process in both] == [0, 0], messages
    assert len(pd.read_csv(out / "leaderboard.csv")) == 24
    assert mia_bench("status", out).stdout.strip() == "24 done, 0 failed, 0 inapplicable, 0 missing"
