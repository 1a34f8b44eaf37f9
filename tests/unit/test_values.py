"""Values are shown as their schema declares them, for whoever reads them."""

from __future__ import annotations

import html
import re
import uuid
import zoneinfo
from typing import Any

import pytest
from django.utils import timezone, translation

from accounts.selectors import Person
from web.values import Reader, money_words, phrase, value_words

TAG = re.compile(r"<[^>]*>")
ANA = Person(uuid.uuid4(), "ana.silva", "Ana Silva", "HUMAN", is_active=True)
BOB = Person(uuid.uuid4(), "operator", "Bob <Operator>", "HUMAN", is_active=True)
PEOPLE = {key: each for each in (ANA, BOB) for key in (str(each.actor_id), each.username)}
MONEY = {"type": "integer", "format": "money", "currency": "EUR", "title": "Sum"}


def text(value: Any, schema: Any = None, reader: Reader | None = None) -> str:
    shown = value_words(value, schema, reader or Reader(PEOPLE))
    return " ".join(html.unescape(TAG.sub(" ", shown)).split())


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (2_500_000, "EUR", "25,000.00 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (0, "EUR", "0.00 EUR"),
        (2_500_000, "JPY", "2,500,000 JPY"),
        (1_234, "KWD", "1.234 KWD"),
    ],
)
def test_money_is_counted_in_minor_units_and_never_broken(
    minor: int, currency: str, expected: str
) -> None:
    shown = TAG.sub("", money_words(minor, currency))
    assert shown == expected.replace(" ", "\N{NO-BREAK SPACE}")


def test_money_is_written_in_the_readers_language() -> None:
    with translation.override("de"):
        assert TAG.sub("", money_words(2_500_000, "EUR")).startswith("25.000,00")


def test_only_what_the_schema_declares_is_money() -> None:
    assert text({"sum": 2_500_000}, {"properties": {"sum": MONEY}}) == "Sum 25,000.00 EUR"
    assert text({"sum": 2_500_000}) == "Sum 2500000"
    assert text({"sum": "much"}, {"properties": {"sum": MONEY}}) == "Sum much"


def test_members_without_a_name_of_their_own_are_declared_together() -> None:
    balance = {"type": "integer", "format": "money", "currency": "EUR"}
    images = {"properties": {"n": {"title": "Number"}}, "additionalProperties": balance}
    assert text({"bank": 250_000, "n": 5}, images) == "Number 5 Bank 2,500.00 EUR"
    assert text({"bank": 250_000}, {"additionalProperties": False}) == "Bank 250000"


def test_titles_and_order_are_the_authors() -> None:
    schema = {"properties": {"z": {"title": "First"}, "a": {}, "gone": {"title": "Not there"}}}
    assert text({"a": 1, "extra": 2, "z": 3}, schema) == "First 3 A 1 Extra 2"


def test_moments_are_in_the_readers_time_zone_and_days_in_none() -> None:
    with timezone.override(zoneinfo.ZoneInfo("Europe/Vienna")):
        assert text("2026-03-12T23:30:00Z") == "13 March 2026, 00:30"
        assert text("2026-03-12") == "12 March 2026"
    assert text("2026-99-99") == "2026-99-99"
    assert text("2026-03-12T25:00:00Z") == "2026-03-12T25:00:00Z"


def test_people_are_names_with_the_username_on_hover() -> None:
    shown = value_words(
        {"approved_by": "operator", "seen": str(ANA.actor_id)}, None, Reader(PEOPLE)
    )
    assert '<span title="operator">Bob &lt;Operator&gt;</span>' in shown
    assert '<span title="ana.silva">Ana Silva</span>' in shown
    assert str(ANA.actor_id) not in shown
    assert text(["ana.silva"]) == "Ana Silva"


def test_a_word_that_is_also_a_username_stays_a_word() -> None:
    assert text({"role": "operator"}) == "Role operator"
    declared = {"properties": {"role": {"format": "person"}}}
    assert text({"role": "operator"}, declared) == "Role Bob <Operator>"


def test_whoever_reads_it_is_you() -> None:
    assert text({"completed_by": "ana.silva"}, None, Reader(PEOPLE, ANA.actor_id)) == (
        "Completed by You"
    )


def test_a_list_of_objects_is_rows() -> None:
    schema = {"items": {"properties": {"what": {"title": "Item"}, "sum": MONEY}}}
    rows = [{"sum": 100, "what": "<Roof>"}, {"what": "Door", "note": "late"}]
    shown = value_words(rows, schema)
    assert shown.count("<tr>") == 3
    assert shown.count('<th scope="col">') == 3
    assert "<Roof>" not in shown
    assert text(rows, schema) == "Item Sum Note <Roof> 1.00 EUR none Door none late"
    # What has values inside is no table.
    assert "<table" not in value_words([{"a": {"b": 1}}])
    assert "<table" not in value_words([{str(n): n for n in range(9)}])


def test_constants_of_an_outcome_become_words() -> None:
    assert text({"outcome": "CANNOT_REVERSE"}) == "Outcome Cannot be reversed"
    assert text({"outcome": "PASSED"}) == "Outcome Passed"
    assert text({"iban": "AT12"}) == "Iban AT12"
    assert text({"risk": "VERY_HIGH"}, {"properties": {"risk": {"enum": ["VERY_HIGH"]}}}) == (
        "Risk Very high"
    )


def test_a_schema_that_is_none_is_passed_over() -> None:
    odd_ones: list[Any] = [True, False, [], "x", {"properties": []}, {"properties": {"a": False}}]
    for odd in odd_ones:
        assert text({"a": 1}, odd) == "A 1"


def test_a_sentence_escapes_what_is_no_markup() -> None:
    assert phrase("%(who)s saw <it>", who="<b>") == "&lt;b&gt; saw &lt;it&gt;"
