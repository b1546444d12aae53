"""Plug-ins that misbehave: each costs its own cells, and the reason is one sentence."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from mia_bench.benchmark.registry import entries, inspection
from mia_bench.benchmark.runner import scheduler

from ..helpers.plugins import install
from ..helpers.trees import image_tree
from . import answers
from .answers import answer, refusal

DIED = "The worker process died twice ({})."
INVALID_TENSOR = "InvalidReconstruction: Expected a dense tensor of floats in [0, 1] from the attack, got "
ATTACKS = {
    "segfault": DIED.format("killed by SIGSEGV"),
    "exits_at_once": DIED.format("exit code 0"),
    "exits": "SystemExit: 3",
    "mute": "Mute: the message cannot be shown because its __str__ raised RuntimeError",
    "wordy": "ValueError: xxx",
    "escapes": "ValueError: [2J ]0;title line break | =cmd",
    "interrupts": "KeyboardInterrupt",
    "generator_exit": "GeneratorExit",
    "unsendable": "Unsendable: stay",
    "recursion": "RecursionError: maximum recursion depth exceeded",
    "memory": "MemoryError",
    "surrogate": "ValueError",
    "none": "InvalidReconstruction: Expected a tensor of images (4, 3, 16, 16) from the attack, got NoneType",
    "few": "InvalidReconstruction: Expected images (4, 3, 16, 16) from the attack, got (3, 3, 16, 16)",
    "nan": "InvalidReconstruction: Expected finite values in [0, 1] from the attack, got NaN in 4 of 4 images",
    "kind": "",
    "meta": INVALID_TENSOR + "one without numbers",
    "sparse": INVALID_TENSOR + "torch.float32, torch.sparse_coo",
    "whole_numbers": INVALID_TENSOR + "torch.int64",
    "double": "",
    "aux_itself": "",
    "spoils": "",
    "leaks": "",
    "says": "",
    "closes": "",
    "spawns": "",
}
"""What is the reason for the status of the row; nothing if it is done."""
DEFENSES = {
    "segfault": DIED.format("killed by SIGSEGV"),
    "mute": "Mute: the message cannot be shown because its __str__ raised RuntimeError",
    "none": "TypeError: Expected protect to return a SplitModel, got NoneType.",
    "promise": "ContractError: ",
    "zero": "",
}
SOURCES = {
    "segfault": "The dataset 'source' of package evil 1.0 cannot be used: the worker process died (killed by SIGSEGV).",
    "mute": "cannot be loaded: Mute: the message cannot be shown because its __str__ raised RuntimeError",
    "none": "Expected Pools, got NoneType, from dataset source",
}
NETWORKS = {
    "exits": "The model 'network' of package evil 1.0 cannot be used: the worker process died (exit code 5).",
    "none": 'Expected a model for the (3, 16, 16) images of imagefolder:size=16, got network:act="none", which fails (',
}
IMPORTS = {
    "import_segfault": ("import ctypes; ctypes.string_at(0)", "Importing it ended the process (killed by SIGSEGV)"),
    "import_exit": ("import os; os._exit(0)", "Importing it ended the process (exit code 0)"),
    "import_quit": ("raise SystemExit(4)", "SystemExit: 4"),
    "import_interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "import_hang": ("import time; time.sleep(600)", "Importing it took longer than 2 s"),
    "import_says": ("print('\\x1b[31mON STDOUT'); raise ValueError('\\x1b[0m')", "ValueError: [0m"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Site packages with the evil package."""
    folder = tmp_path_factory.mktemp("site")
    for name, (code, _) in IMPORTS.items():
        (folder / f"{name}.py").write_text(f"{code}\n")
    points = {
        "attacks": ["evil = evil:Evil", "honest = evil:Honest", "no_access = evil:NoAccess"],
        "defenses": ["spoiler = evil:Spoiler", *(f"{name} = {name}:Absent" for name in IMPORTS)],
        "datasets": ["source = evil:Source", "shades = evil:Shades"],
        "models": ["network = evil:Network", "pair = evil:Pair"],
    }
    return install(folder, "evil", Path(__file__).with_name("evil.py").read_text(), points)


@pytest.fixture(autouse=True)
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The evil package as an installed one, of which a cell that dies is not tried twice."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(scheduler, "MAX_WORKER_DEATHS", 1)
    monkeypatch.setattr(answers, "SECONDS", 300)  # several worker processes in a row
    entries._plug_ins.cache_clear()
    yield
    entries._plug_ins.cache_clear()


@pytest.fixture
def words(tmp_path: Path) -> list[str | Path]:
    small = ["run", "--dataset", "imagefolder:size=16", "--model", "lenet5", "--split", "relu1", "--images", "4"]
    return [*small, "--data-dir", image_tree(tmp_path / "images")]


def board(words: list[str | Path], out: Path, code: int) -> tuple[pd.DataFrame, str]:
    result = answer(*words, "--out", out)
    assert result.exit_code == code, result.output
    assert "ON STDOUT" not in result.stdout
    rows = pd.read_csv(out / "leaderboard.csv", keep_default_na=False, dtype=str)
    assert all(path.stat().st_size < 20_000 for path in (out / "cells").glob("*.json"))
    return rows, result.output


def reasons(rows: pd.DataFrame, noun: str) -> dict[str, str]:
    acts = rows[f"{noun}_params"].str.extract(r'"act":"(\w+)"')[0]
    return dict(zip(acts, rows["status"].where(rows["status"] == "failed", "") + rows["reason"], strict=True))


def scores(rows: pd.DataFrame, attack: str) -> list[object]:
    columns = ["psnr_db", "psnr_db_low", "ssim", "accuracy", "identified", "leak_r2"]
    return rows[(rows["attack"] == attack) & (rows["defense"] == "undefended")][columns].astype(str).to_numpy().tolist()


@pytest.mark.slow
def test_evil_attacks_fail_alone_and_the_next_one_has_the_same_row(words: list[str | Path], tmp_path: Path) -> None:
    evil = [word for act in ATTACKS for word in ("--attack", f"evil:act={act}")]
    common = ["--attack", "honest", "--attack", "ridge", "--defense", "undefended"]
    alone, _ = board([*words, *common], tmp_path / "alone", 0)

    rows, output = board([*words, *evil, *common], tmp_path / "evil", 1)

    found = reasons(rows[rows["attack"] == "evil"], "attack")
    assert found.keys() == ATTACKS.keys()
    for act, reason in ATTACKS.items():
        assert found[act].startswith(f"failed{reason}" if reason else ""), act
        assert bool(found[act]) == bool(reason), act
        assert len(found[act]) <= 1010
    for name in ("honest", "ridge", "mean_image"):
        assert scores(rows, name) == scores(alone, name) != []
    assert re.search(r"undefended +evil:act=segfault +failed: The worker process died", output), output[:3000]


@pytest.mark.slow
def test_evil_defenses_fail_alone_and_the_next_one_has_the_same_row(words: list[str | Path], tmp_path: Path) -> None:
    evil = [word for act in DEFENSES for word in ("--defense", f"spoiler:act={act}")]
    common = ["--attack", "ridge", "--defense", "quantize"]
    alone, _ = board([*words, *common], tmp_path / "alone", 0)

    rows, _ = board([*words, *evil, *common, "--attack", "honest"], tmp_path / "evil", 1)

    found = reasons(rows[(rows["defense"] == "spoiler") & (rows["attack"] == "ridge")], "defense")
    for act, reason in DEFENSES.items():
        assert found[act].startswith(f"failed{reason}" if reason else "") or act == "zero", (act, found[act])
    ours = rows[rows["defense"].isin(["quantize", "undefended"]) & (rows["attack"] != "honest")]
    for column in ("defense", "attack", "psnr_db", "ssim", "accuracy", "accuracy_undefended", "status"):
        assert ours[column].tolist() == alone[column].tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("act", "reason"), SOURCES.items(), ids=SOURCES)
def test_an_evil_dataset_is_refused_in_one_sentence(act: str, reason: str, words: list[str | Path]) -> None:
    assert reason in refusal("run", "--dataset", f"source:act={act}", "--attack", "mean_image")


@pytest.mark.slow
@pytest.mark.parametrize(("act", "reason"), NETWORKS.items(), ids=NETWORKS)
def test_an_evil_model_is_refused_in_one_sentence(act: str, reason: str, words: list[str | Path]) -> None:
    assert reason in refusal(*words[:3], "--model", f"network:act={act}", *words[7:])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "split", "cuts"),
    [("lenet5", "relu*", ["relu1", "relu2", "relu3", "relu4"]), ("pair", "all", ["flatten", "fc"])],
)
def test_patterns_of_splits_are_understood_for_data_and_models_of_plug_ins(
    model: str, split: str, cuts: list[str], tmp_path: Path
) -> None:
    words = ["run", "--dataset", "shades:side=16", "--images", "3", "--attack", "mean_image", "--defense", "undefended"]

    rows, _ = board([*words, "--model", model, "--split", split], tmp_path, 0)

    assert sorted(rows["split"]) == sorted(cuts)
    assert (rows["status"] == "done").all()
    assert "Unknown split 'conv9'" in refusal(*words, "--model", model, "--split", "conv9")


@pytest.mark.slow
def test_plug_ins_that_cannot_be_imported_are_listed_as_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "IMPORT_SECONDS", 2)

    listed = re.sub(r"[\s│]+", " ", answer("list", "defenses").output)

    for name, (_, reason) in IMPORTS.items():
        assert f"defense '{name}' of package evil 1.0 cannot be loaded" in listed
        assert reason in listed
    assert "dp_ir" in listed
    assert "Importing it ended the process (exit code 0)" in refusal("run", "--defense", "import_exit")
    assert "Importing it ended the process (killed by SIGSEGV)" in refusal("show", "import_segfault")
    assert "SystemExit: 4" in refusal("check", "import_quit")


@pytest.mark.slow
def test_an_attack_that_does_not_say_what_it_uses_is_refused(words: list[str | Path]) -> None:
    assert "attack 'no_access' of package evil 1.0 has no class variable 'access' of type Access" in refusal(
        *words, "--attack", "no_access"
    )
