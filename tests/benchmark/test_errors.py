"""Exceptions in words."""

import pytest
from mia_bench.benchmark.errors import MAX_ERROR_CHARACTERS, Diverged, describe, message_of, reason_of, similar


class Mute(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class Wordless(Exception):
    __str__ = None  # pyright: ignore[reportAssignmentType]


class Odd(Exception):
    def __str__(self) -> str:
        return 7  # pyright: ignore[reportReturnType]


class OddText(str):
    def __str__(self) -> str:
        raise ValueError

    def __getitem__(self, key: object) -> str:
        raise ValueError


class Texts(Exception):
    def __str__(self) -> str:
        return OddText("fine")


NAMED = type("RankedDefense\nbreak", (Exception,), {"__module__": "x"})

WORDS = {
    "plain": (ValueError("3 is odd"), "ValueError: 3 is odd"),
    "empty": (ValueError(), "ValueError"),
    "lines": (ValueError(" one\n\ttwo\r\n"), "ValueError: one two"),
    "escapes": (ValueError("\x1b[31mred\x9b\x00"), "ValueError: [31mred"),
    "surrogate": (ValueError("\udc80x"), "ValueError: x"),
    "raises": (Mute(), "Mute: the message cannot be shown because its __str__ raised KeyboardInterrupt"),
    "no method": (Wordless(), "Wordless: the message cannot be shown because its __str__ raised TypeError"),
    "no text": (Odd(), "Odd: the message cannot be shown because its __str__ raised TypeError"),
    "text of a kind of its own": (Texts(), "Texts: fine"),
    "name in two lines": (NAMED("x"), "RankedDefense break: x"),
    "for users": (Diverged("Expected numbers, got NaN. Use fewer."), "Expected numbers, got NaN. Use fewer."),
    "not an Exception": (SystemExit(3), "SystemExit: 3"),
}


@pytest.mark.parametrize(("error", "words"), WORDS.values(), ids=WORDS)
def test_any_exception_is_described_on_one_line(error: BaseException, words: str) -> None:
    assert describe(error) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [(ValueError("It is odd."), "It is odd"), (AssertionError(), "AssertionError"), (ValueError("."), "ValueError")],
)
def test_a_reason_in_the_middle_of_a_sentence_has_words_and_no_mark_at_its_end(error: Exception, words: str) -> None:
    assert reason_of(error) == words


@pytest.mark.parametrize("length", [MAX_ERROR_CHARACTERS - 20, MAX_ERROR_CHARACTERS, 5_000_000])
def test_a_long_message_is_cut_and_says_so(length: int) -> None:
    words = describe(ValueError("x" * length))

    assert len(words) <= MAX_ERROR_CHARACTERS
    assert words.endswith(" ...") == (length >= MAX_ERROR_CHARACTERS)
    assert message_of(ValueError("y" * 10)) == "y" * 10


def test_similar_words_are_found_regardless_of_their_case() -> None:
    assert similar("RIDGE", ["auto", "ridge"]) == ["ridge"]
    assert similar("Sigm", ["sigma", "Sigma"]) == ["Sigma"]
    assert similar("XYZ", ["ridge"]) == []
