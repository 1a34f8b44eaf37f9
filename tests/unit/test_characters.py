"""What titles, names and outcomes may hold."""

from __future__ import annotations

import re

import pytest

from json_values.characters import LINE, drawable, fault_of_line


@pytest.mark.parametrize(
    "text",
    [
        "Loan 7",
        "é",
        "e\u0301",
        "مرحبا",
        "\u200f\u05e9\u05dc\u05d5\u05dd\u200f",
        "\u05e9\u05dc\u05d5\u05dd 7 (Loan)\u200e",
        "\u061c\u0645\u0631\u062d\u0628\u0627",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "日本",
        "👩\u200d🚀",
        "·",
        "٣",
        "a\u00a0b",
        "€",
    ],
)
def test_a_line(text: str) -> None:
    assert fault_of_line(text) is None
    assert re.search(LINE, text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\u00a0", "\u3000", "\u200b", "\u200d\u200c", "\u2060", "\ufeff", "\u200e",
        "\u00ad", "\u034f", "\ufe0f", "\u0301", "\u115f", "\u3164",
        "\uffa0", "\u2800", "\U000e0041", "\ue000", "\u180e", "\uffff", "\ud800",
    ],
)  # fmt: skip
def test_nothing_to_see(text: str) -> None:
    assert fault_of_line(text) == ("blank", "Needs at least one visible character.")


@pytest.mark.parametrize(
    "char",
    ["\x00", "\x07", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]
    + [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))],
)
def test_control_characters(char: str) -> None:
    assert fault_of_line(f"a{char}b") == (
        "control_character", "Must not contain control characters.",
    )  # fmt: skip
    assert not re.search(LINE, f"a{char}b")


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "\u3000", "\n"])
def test_a_line_is_described_as_more_than_blanks(text: str) -> None:
    assert not re.search(LINE, text)


def test_what_xml_does_not_know_is_replaced() -> None:
    assert drawable("a\x00\x1b\x0b\ud800\udfff\ufffe\uffffb") == "a" + "\ufffd" * 7 + "b"
    kept = "a\t\n\r\x7f\x85\u2028\ue000\ufffd\U0001f680"
    assert drawable(kept) == kept
