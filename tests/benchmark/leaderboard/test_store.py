"""Records and leaderboards on disk."""

import json
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard.csv_files import to_csv
from mia_bench.benchmark.leaderboard.loading import load_boards
from mia_bench.benchmark.leaderboard.ranking import rank
from mia_bench.benchmark.leaderboard.records import COLUMNS, NUMBERS
from mia_bench.benchmark.leaderboard.results_folder import record_path
from mia_bench.benchmark.leaderboard.store import (
    as_given,
    read_record,
    read_rows,
    rebuild,
    rows_of,
    to_frame,
    write_record,
)

from .test_ranking import record

DESIGN = """dataset, model, split, defense, defense_params, attack, attack_params, access, seed, n_images,
accuracy, accuracy_undefended, psnr_db, psnr_db_low, psnr_db_high, ssim, ssim_low, ssim_high, recognisable,
epsilon, delta, guarantee, wire_bytes, client_macs, client_params, client_ms, server_ms, attack_seconds,
status, reason, cell_id, protocol, code_version, plugin_version, torch_version, device, finished_at,
accuracy_images, identified, leak_r2, bound_psnr_db, task, utility, utility_metric, agreement, bound_identified,
rounds, bytes_down, client_param_bytes, client_peak_bytes, lpips, ms_ssim, imagenet_distance,
attribute, attribute_accuracy, attribute_gain, attack_gap_db, attack_version"""


def test_the_columns_are_those_of_the_design_in_order() -> None:
    assert DESIGN.replace("\n", " ").replace(" ", "").split(",") == COLUMNS


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "1" + "0" * 400, "-1" + "0" * 5000])
def test_parameters_hold_finite_numbers_as_every_component_demands(number: str) -> None:
    with pytest.raises(ValueError, match=f"Expected finite numbers in JSON, got {number[:10]}"):
        record("a", "one", [10.0], [0.1], defense_params=f'{{"sigma":{number}}}')


def test_rows_survive_the_way_to_the_file_and_back(tmp_path: Path) -> None:
    records = [
        record("b", "one", [10.0, 1 / 3], [0.1, 0.2], epsilon=1e-5, client_macs=123_456_789, reason='a "b", c'),
        record("a", "one", [1e2, 0.0], [0.1, 0.2], guarantee="none"),
    ]
    for one in records:
        write_record(tmp_path, one)

    path = rebuild(tmp_path, ())

    assert read_rows(path) == [records[1].row, records[0].row]
    assert [read_record(record_path(tmp_path, one.row.cell_id)) for one in records] == records
    assert "," not in path.read_text().splitlines()[2].split(",")[COLUMNS.index("client_macs")]
    assert json.loads((tmp_path / "leaderboard.schema.json").read_text()) == {"schema_version": 4, "columns": COLUMNS}


def test_records_and_boards_of_schema_2_are_read_as_classification(tmp_path: Path) -> None:
    one = record("a", "one", [10.0], [0.1])
    path, kept = record_path(tmp_path, one.row.cell_id), COLUMNS[: COLUMNS.index("task")]
    write_record(tmp_path, one)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "schema_version": 2, "row": {name: content["row"][name] for name in kept}}))
    board = tmp_path / "old.csv"
    pd.read_csv(rebuild(tmp_path, ()))[kept].to_csv(board, index=False)

    recorded, listed = read_record(path).row, read_rows(board)[0]

    assert recorded == listed
    assert (recorded.task, recorded.utility_metric, recorded.agreement) == ("classification", "accuracy", None)
    assert recorded.utility == recorded.accuracy
    assert len(rank(*load_boards([tmp_path]))) == len(rank(*load_boards([board]))) == 1


def test_a_folder_has_its_rows_in_the_order_of_its_leaderboard(tmp_path: Path) -> None:
    for attack in "abcdefgh":
        write_record(tmp_path, record("d", attack, [10.0], [0.1]))
    board = rebuild(tmp_path, ())

    rows, _ = load_boards([tmp_path])

    assert rows == load_boards([board])[0]
    assert [row.attack for row in rows] == list("abcdefgh")


def test_a_wrong_value_is_named_with_line_and_column(tmp_path: Path) -> None:
    write_record(tmp_path, record("a", "one", [10.0], [0.1]))
    path = rebuild(tmp_path, ())
    path.write_text(path.read_text().replace("10.0", "ten"))

    with pytest.raises(UsageError, match=r"leaderboard.csv, line 2: Column psnr_db is 'ten'"):
        read_rows(path)


def test_a_record_under_another_cells_name_is_refused(tmp_path: Path) -> None:
    one = record("a", "one", [10.0], [0.1])
    write_record(tmp_path, one)
    record_path(tmp_path, one.row.cell_id).rename(record_path(tmp_path, "0" * 16))

    with pytest.raises(UsageError, match=f"got cell {one.row.cell_id} in"):
        read_record(record_path(tmp_path, "0" * 16))


def test_a_frame_that_pandas_read_from_a_board_gives_the_same_rows() -> None:
    row = record("a", "one", [10.0], [0.1], split="3").row

    frame = pd.read_csv(StringIO(to_csv(as_given([row]))))

    assert frame["split"].tolist() == [3]
    assert rows_of(frame) == [row]


def test_frames_with_a_column_twice_or_lists_as_values_are_refused() -> None:
    frame = as_given([record("a", "one", [10.0], [0.1]).row])

    with pytest.raises(UsageError, match="Expected each column once in the data frame, got 'seed' twice"):
        rows_of(pd.concat([frame, frame[["seed"]]], axis=1))
    with pytest.raises(UsageError, match=r"Column reason is \[1, 2\]"):
        rows_of(frame.assign(reason=[[1, 2]]))


def test_every_column_of_numbers_is_one_even_without_a_value() -> None:
    frame = to_frame([record("a", "one", [10.0], [0.1]).row])

    assert {str(frame[name].dtype) for name in NUMBERS} == {"float64", "Int64"}
    assert frame["epsilon"].isna().all()
    assert len(frame.nlargest(1, "bound_psnr_db")) == 1
    ranked = rank([record("a", "one", [10.0], [0.1]).row], {})
    assert {str(ranked[name].dtype) for name in ("epsilon", "leak_db", "attribute_gain")} == {"float64"}
