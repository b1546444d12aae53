"""Tables in every notation: aligned, with decimals by column, and untrusted texts escaped."""

import pandas as pd
import pytest
from mia_bench.benchmark.cli.tables import print_frame

HOSTILE = "a|b \\x{y} <b>`z`</b> [u](v) 5% $#&~^_\x1b[2J\r\nnext"
FRAME = pd.DataFrame({"defense": ["noise", HOSTILE], "psnr_db": [20.126, None], "pareto": [True, False]})


def printed(notation: str, capsys: pytest.CaptureFixture[str], frame: pd.DataFrame = FRAME) -> list[str]:
    print_frame(frame, notation)
    return capsys.readouterr().out.splitlines()


def test_markdown_aligns_numbers_right_and_escapes_what_would_end_a_cell_or_begin_a_link(
    capsys: pytest.CaptureFixture[str],
) -> None:
    header, rule, first, second = printed("markdown", capsys)

    assert [cell.strip() for cell in header.strip("|").split("|")] == ["defense", "psnr_db", "pareto"]
    assert [cell[0] + cell[-1] for cell in rule.strip("|").split("|")] == [":-", "-:", ":-"]
    assert [cell.strip() for cell in first.strip("|").split("|")] == ["noise", "20.13", "yes"]
    assert r"a\|b \\x{y} \<b>\`z\`\</b> \[u](v) 5% $#&~^_" in second
    assert "\x1b" not in second


def test_zero_has_no_sign(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed("table", capsys, pd.DataFrame({"leak_db": [-0.001, -0.1]}))

    assert [line.split() for line in lines] == [["leak_db"], ["0.00"], ["-0.10"]]


def test_latex_has_the_rules_of_booktabs_and_escapes_every_special_character(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = printed("latex", capsys)

    assert lines[:3] == [r"\begin{tabular}{lrl}", r"\toprule", r"defense & psnr\_db & pareto \\"]
    assert lines[4] == r"noise & 20.13 & yes \\"
    assert lines[5].startswith(r"a\textbar{}b \textbackslash ")
    assert r"\{y\} \textless{}b\textgreater{}`z`" in lines[5]
    assert r"5\% \$\#\&\textasciitilde \textasciicircum \_" in lines[5].replace(r"\space ", "")
    assert lines[6:] == [r"\bottomrule", r"\end{tabular}"]


def test_html_shows_markup_in_a_text_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert "&lt;b&gt;" in "".join(printed("html", capsys))


def test_csv_keeps_all_digits_and_no_text_is_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"defense": ["=cmd|' /C calc'!A0"], "psnr_db": [20.126]})

    assert printed("csv", capsys, frame) == ["defense,psnr_db", "'=cmd|' /C calc'!A0,20.126"]
