"""``mia-bench splits`` over defenses: bytes, rounds, latency and the choice, recomputed from what is printed."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.cli import app
from mia_bench.benchmark.splits import measured
from typer.testing import CliRunner

DEFENSES = "quantize,codec,dp_ir,tee,secret_sharing,ckks:accuracy_images=8"
UPLINK, DOWNLINK, RTT_MS, SERVER_GMACS = 8e6, 16e6, 20.0, 119.0
FC1, FC2, CLASSES = 120, 84, 3
"""Numbers behind the first two linear layers of LeNet-5, and outputs for the images of the test."""
BUSY_MS = 100.0
"""What other processes may add to the time of a server while the test runs."""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, brief_cache: Path) -> tuple[list[dict[str, Any]], str]:
    """The lines of two cuts with six defenses, as a machine reads them, and what people are told."""
    from ...helpers.brief import shorten_training
    from ...helpers.trees import image_tree

    folder = tmp_path_factory.mktemp("defenses")
    words = ["splits", "--dataset", "imagefolder:size=16", "--data-dir", str(image_tree(folder / "tree"))]
    words += ["--model", "lenet5", "--split", "relu3,fc3", "--attack", "ridge", "--images", "4", "--format", "json"]
    words += ["--uplink", "8Mbit", "--downlink", "16Mbit", "--rtt", "20ms", "--defense", DEFENSES]
    words += ["--out", str(folder / "out"), "--max-latency", "200ms", "--max-energy", "1J", "--min-utility", "0.01"]
    with pytest.MonkeyPatch.context() as patch:
        shorten_training(patch)
        patch.setenv("MIA_BENCH_CACHE", str(brief_cache))
        patch.setattr(measured, "NEGLIGIBLE_MS", BUSY_MS)
        result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout), result.stderr


@pytest.fixture
def at_relu3(printed: tuple[list[dict[str, Any]], str]) -> dict[str, dict[str, Any]]:
    return {line["defense"].partition(":")[0]: line for line in printed[0] if line["split"] == "relu3"}


@pytest.mark.slow
def test_bytes_and_rounds_are_those_of_the_messages_counted_by_hand(at_relu3: dict[str, dict[str, Any]]) -> None:
    plain, shares = at_relu3["undefended"], at_relu3["secret_sharing"]

    assert (plain["wire_kb"], plain["bytes_down"], plain["rounds"]) == (4 * FC1 / 1000, 4 * CLASSES, 1)
    assert at_relu3["dp_ir"]["wire_kb"] == 4 * FC1 / 1000
    assert at_relu3["quantize"]["wire_kb"] == FC1 * 2 / 8 / 1000  # two bits for each number
    assert shares["wire_kb"] == 16 * (FC1 + FC2) / 1000  # two shares of 64 bits, before fc2 and before fc3
    assert (shares["bytes_down"], shares["rounds"]) == (16 * (FC2 + CLASSES), 2)
    assert 0 < at_relu3["tee"]["wire_kb"] - plain["wire_kb"] < 0.2  # a header and a tag
    assert at_relu3["ckks"]["rounds"] == 1
    assert at_relu3["ckks"]["wire_kb"] > 100 > at_relu3["codec"]["wire_kb"]


@pytest.mark.slow
def test_the_latency_of_every_line_follows_from_its_printed_columns(printed: tuple[list[dict[str, Any]], str]) -> None:
    lines, _ = printed
    whole = next(line for line in lines if line["split"] == "device")["client_mmacs"]
    plain = {line["split"]: line for line in lines if line["defense"] == "undefended"}

    for line in lines:
        if line["reason"] or line["split"] == "device":
            continue
        sending = 8e6 * line["wire_kb"] / UPLINK + RTT_MS * line["rounds"] + 8e3 * line["bytes_down"] / DOWNLINK
        serving = (whole - plain[line["split"]]["client_mmacs"]) / SERVER_GMACS
        left = line["latency_ms_modelled"] - line["client_ms_modelled"] - sending - serving
        if line["defense"].startswith(("ckks", "secret_sharing")):
            assert left >= -1e-9  # what the servers add, as it was measured
        else:
            assert left == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_the_choice_over_defenses_is_the_one_that_a_reader_finds(printed: tuple[list[dict[str, Any]], str]) -> None:
    lines, told = printed
    able = [line for line in lines if (line["latency_ms_modelled"] or math.inf) <= 200 and not line["incomplete"]]
    able = [line for line in able if line["energy_mj_modelled"] <= 1000 and (line["utility"] or 0) >= 0.01]

    def order(line: dict[str, Any]) -> tuple[float, ...]:
        return line["identified"], -math.inf if line["split"] == "device" else line["psnr_db"]

    by_hand = min(able, key=lambda line: (*order(line), line["latency_ms_modelled"]))
    assert [line for line in lines if line["chosen"]] == [by_hand]
    assert f"the {len(able)} of {len(lines)} lines that meet all limits" in told


@pytest.mark.slow
def test_a_split_at_which_encryption_cannot_run_is_a_line_with_the_reason(
    printed: tuple[list[dict[str, Any]], str],
) -> None:
    lines, told = printed
    at_fc3 = {line["defense"].partition(":")[0]: line for line in lines if line["split"] == "fc3"}

    assert at_fc3["undefended"]["reason"] == ""
    for name in ("ckks", "secret_sharing"):
        assert at_fc3[name]["reason"]
        assert at_fc3[name]["wire_kb"] is None
        assert f"{at_fc3[name]['defense']} at fc3: {at_fc3[name]['reason']}" in told
