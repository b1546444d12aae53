"""Suites and numbers that cannot be."""

from pathlib import Path

import pytest

from .answers import refusal

SUITES = {
    "nested": ("a = " + "[" * 10_000, "nested too deeply"),
    "binary": ("\x00\x01", "zero bytes"),
    "cut short": ("images = ", "not TOML"),
    "twice": ("images = 1\nimages = 2", "not TOML"),
    "a huge seed": (
        f"seeds = [{2**63}]",
        "Expected seeds to be one or several whole numbers from 0 to 2**63 - 1, such as 0, got 9223372036854775808",
    ),
    "no images": ("images = 0", "Expected images to be a whole number of at least 1, such as 64, got 0"),
    "truth for a number": ("images = true", "Expected images to be a whole number of at least 1, such as 64, got True"),
    "an escape": ('"\\u001b[2J" = 1', "got '\\x1b[2J'"),
    "a huge text": (f"images = '{'x' * 100_000}'", "(100002 characters)"),
}


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_that_cannot_be_is_one_sentence(name: str, tmp_path: Path) -> None:
    text, words = SUITES[name]
    path = tmp_path / "mine.toml"
    path.write_text(text)

    assert words in refusal("run", path, "--dry-run")


def test_a_suite_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("splitt = 1", encoding="utf-8-sig")

    assert "got 'splitt'" in refusal("run", path, "--dry-run")


def test_a_suite_in_another_format_is_told_which_one_suites_have(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("dataset: photos\n")

    assert "Suites are TOML files; mia-bench show quick prints one." in refusal("run", path, "--dry-run")


@pytest.mark.parametrize(
    ("words", "name"),
    [(["--seed", str(2**63)], "seeds"), (["--images", str(2**63)], "images"), (["--images", "0"], "images")],
)
def test_numbers_that_no_table_can_hold_are_refused_before_anything_is_computed(
    words: list[str], name: str, tmp_path: Path
) -> None:
    sentence = refusal("run", "--out", tmp_path / "out", "--dry-run", *words)

    assert f"Expected {name} to be " in sentence
    assert f"got {words[1]}." in sentence
    assert not (tmp_path / "out").exists()
