"""The tables on the pages of results are those of their leaderboards."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("paste_tables", ROOT / "docs" / "paste_tables.py")
assert SPEC
assert SPEC.loader
SCRIPT = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(SCRIPT)

PAGE = """# Page

<!-- table
board = "board.csv"
rows = ["defense"]
show = "{psnr_db:.1f}"
columns.accuracy = { show = "{accuracy:.0%}" }
columns.ridge = { where = { attack = "ridge" } }
columns.epsilon = { show = "{epsilon:.1f}" }
-->

| defense | accuracy |
|---|---|
| `undefended` | old |

After.
"""
BOARD = """defense,defense_params,attack,attack_params,seed,accuracy,psnr_db,epsilon,status
dp_ir,"{""sigma"":0.3}",ridge,{},0,0.8,20.04,3,done
dp_ir,"{""sigma"":0.3}",mean_image,{},0,0.8,12,3,done
dp_ir,"{""sigma"":0.7}",ridge,{},0,0.7,18,2,failed
undefended,{},ridge,{},0,0.92,30,,done
undefended,{},ridge,{},1,0.94,31,,done
"""


@pytest.mark.parametrize("page", SCRIPT.pages(), ids=lambda path: path.stem)
def test_a_page_shows_what_its_leaderboards_hold(page):
    text = page.read_text("utf-8")
    assert SCRIPT.refreshed(text, page.parent) == text, "Run python docs/paste_tables.py."


def test_rows_keep_their_order_seeds_are_averaged_and_failed_cells_left_out(tmp_path):
    (tmp_path / "board.csv").write_text(BOARD)
    table = SCRIPT.refreshed(PAGE, tmp_path).partition("-->\n\n")[2]
    assert table.splitlines() == [
        "| defense | accuracy | ridge | epsilon |",
        "| --- | --- | --- | --- |",
        "| `undefended` | 93 % | 30.5 |  |",
        "| `dp_ir:sigma=0.3` | 80 % | 20.0 | 3.0 |",
        "",
        "After.",
    ]


def test_versions_of_several_boards_are_ranges(tmp_path):
    lines = BOARD.splitlines()
    for name, versions in {"one": "12222", "two": "34444"}.items():
        rows = [f"{line},{version}" for line, version in zip(lines[1:], versions, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join([f"{lines[0]},attack_version", *rows]))
    page = """<!-- table
board = ["one.csv", "two.csv"]
rows = ["board"]
columns.ridge = { where = { attack_name = "ridge" }, show = "{attack_version}" }
-->
"""
    assert SCRIPT.refreshed(page, tmp_path).splitlines()[-2:] == ["| `one` | 1 to 2 |", "| `two` | 3 to 4 |"]


def test_a_column_without_cells_is_an_error(tmp_path):
    (tmp_path / "board.csv").write_text(BOARD)
    with pytest.raises(ValueError, match="Expected cells in the column 'ridge' of board"):
        SCRIPT.refreshed(PAGE.replace('attack = "ridge"', 'attack = "auto"'), tmp_path)
