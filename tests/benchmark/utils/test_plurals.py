"""Numbers with nouns in messages."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from mia_bench.benchmark.runner.estimates import RunEstimate
from mia_bench.benchmark.runner.opening import opening
from mia_bench.benchmark.utils.plurals import count_of, fitting

PACKAGE = Path(__file__).parents[3] / "benchmark"
PLURAL = re.compile(r" (?:of the )?(?:[a-z-]+ ){0,2}?(?!its\b)[a-z]+[^aiu\W\d_]s\b")
SEVERAL = {
    "benchmark/interfaces/split_model.py",  # several cuts where one was expected
    "benchmark/interfaces/stages.py",  # the cuts of a large network
    "benchmark/checks/defenses.py",  # the images of the laboratory
    "benchmark/checks/datasets.py",
    "benchmark/datasets/_given_pools.py",  # three pools
    "benchmark/leaderboard/csv_files.py",  # the columns of a board
    "benchmark/splits/choice.py",  # lines that are equal
    "benchmark/utils/texts.py",  # the length of a text that is too long
}
"""Files whose numbers are always larger than 1."""


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 cells"), (1, "1 cell"), (2, "2 cells"), (1.0, "1 cell"), (0.5, "0.5 cells")]
)
def test_a_number_has_the_form_that_fits_it(number: float, text: str) -> None:
    assert count_of(number, "cell") == text


def test_words_of_other_plurals_are_given() -> None:
    assert [fitting(number, "entry is", "entries are") for number in (1, 2)] == ["entry is", "entries are"]


def test_a_run_of_one_cell_says_so() -> None:
    assert [*opening(1, RunEstimate(0, {}, {}), "")] == ["The only cell is already done."]
    assert next(opening(1, RunEstimate(5.0, {object(): 5.0}, {}), "")) == "Running 1 cell."  # pyright: ignore


def counted(path: Path) -> Iterator[str]:
    """Yield the lengths in the texts of a file that a plural follows, whatever the length is."""
    for node in ast.walk(ast.parse(path.read_text())):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for value, text in pairwise(parts):
            length = isinstance(value, ast.FormattedValue) and ast.unparse(value.value).startswith("len(")
            if length and isinstance(text, ast.Constant) and PLURAL.match(str(text.value)):
                yield f"line {node.lineno}: {ast.unparse(value)}{text.value}"


@pytest.mark.parametrize("package", sorted(path.name for path in PACKAGE.iterdir() if path.is_dir()))
def test_no_text_has_a_plural_where_the_number_may_be_one(package: str) -> None:
    files = [path for path in (PACKAGE / package).rglob("*.py") if "templates" not in path.parts]
    names = {str(path.relative_to(PACKAGE.parent)): [*counted(path)] for path in files}

    assert {name: found for name, found in names.items() if found and name not in SEVERAL} == {}
