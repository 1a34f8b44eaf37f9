"""Template tags: states in words, dates, gaps, hashes and JSON for people."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import get_template, render_to_string
from django.utils import timezone, translation

from verbs.words import all_states
from web.templatetags import amends
from web.timeline import by_day, folded
from web.values import kind_of

NOW = datetime(2026, 11, 22, 14, 3, 30, tzinfo=UTC)
TAG = re.compile(r"<[^>]+>")
FOLDER = Path(__file__).resolve().parents[2] / "templates"
PAGES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))


@pytest.fixture(autouse=True)
def _plain_english() -> Any:
    with translation.override("en"), timezone.override(UTC):
        yield


def words(markup: str) -> str:
    """Return what a person reads of `markup`."""
    return re.sub(r"\s+", " ", TAG.sub("", markup)).strip()


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (NOW - timedelta(seconds=20), "just now"),
        (NOW - timedelta(minutes=5), "5 min ago"),
        (NOW - timedelta(hours=3), "11:03"),
        (NOW - timedelta(days=1), "yesterday 14:03"),
        (datetime(2026, 3, 12, 16, 40, tzinfo=UTC), "12 Mar"),
        (datetime(2025, 3, 12, 16, 40, tzinfo=UTC), "12 Mar 2025"),
        (NOW + timedelta(minutes=5), "in 5 min"),
        (NOW + timedelta(hours=3), "today 17:03"),
        (NOW + timedelta(days=1), "tomorrow 14:03"),
        (NOW + timedelta(days=3), "in 3 days"),
        (NOW + timedelta(days=200), "10 Jun 2027"),
    ],
)
def test_when_is_short_and_relative(moment: datetime, expected: str) -> None:
    assert words(amends.when(moment, NOW)) == expected


def test_when_carries_the_exact_instant_for_people_and_machines() -> None:
    assert amends.when(datetime(2026, 3, 12, 16, 40, 5, tzinfo=UTC), NOW) == (
        '<time datetime="2026-03-12T16:40:05Z" title="Thursday 12 March 2026, 16:40:05 UTC">'
        "12 Mar</time>"
    )


def test_when_uses_the_chosen_time_zone_for_people_only() -> None:
    with timezone.override("Europe/Berlin"):
        shown = amends.when(NOW - timedelta(hours=3), NOW)
    assert words(shown) == "12:03"
    assert 'datetime="2026-11-22T11:03:30Z"' in shown


@pytest.mark.parametrize("nothing", [None, "", "not a date"])
def test_when_says_nothing_about_nothing(nothing: str | None) -> None:
    assert amends.when(nothing, NOW) == ""
    assert amends.due(nothing, NOW) == ""


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (NOW - timedelta(days=2, hours=1), "2 days late"),
        (NOW - timedelta(hours=1, minutes=50), "1 hour late"),
        (NOW - timedelta(seconds=5), "less than a minute late"),
        (NOW + timedelta(days=3), "in 3 days"),
    ],
)
def test_due_names_the_delay(moment: datetime, expected: str) -> None:
    assert words(amends.due(moment, NOW)) == expected


def test_a_gap_is_named_from_a_week_on() -> None:
    assert amends.duration_gap(NOW, NOW - timedelta(days=247)) == "247 days earlier"
    assert amends.duration_gap(NOW, NOW - timedelta(days=7)) == "7 days earlier"
    assert amends.duration_gap(NOW, NOW - timedelta(days=6, hours=23)) == ""
    assert amends.duration_gap(NOW - timedelta(days=11), NOW) == "11 days later"
    assert amends.duration_gap(NOW, None) == ""


def test_a_timeline_has_one_marker_for_one_gap() -> None:
    entries = [{"at": NOW}, {"at": NOW - timedelta(days=11)}, {"at": NOW - timedelta(days=12)}]
    assert [day.gap for day in by_day(entries)] == ["", "11 days earlier", ""]
    assert by_day([]) == []


def test_a_history_shows_the_newest_lines_and_folds_the_others() -> None:
    entries = [{"at": NOW - timedelta(seconds=n)} for n in range(9)]
    found = folded(entries)
    assert [row for day in found["days"] for row in day.rows] == entries[:8]
    assert found["earlier"]["count"] == 1
    assert folded(entries[:8])["earlier"] is None


def test_a_state_is_shown_in_words_and_keeps_its_constant_for_machines() -> None:
    shown = amends.state_badge("COMPENSATION_FAULTED", "work_item")
    assert words(shown) == "Needs a decision"
    assert 'class="badge badge-bad" data-state="COMPENSATION_FAULTED"' in shown
    assert 'aria-hidden="true"' in shown


def test_an_unknown_state_is_readable_and_escaped() -> None:
    assert words(amends.state_badge("NEVER_SEEN", "case")) == "Never seen"
    assert "<b>" not in amends.state_badge("<b>", "case")
    assert amends.state_badge(None) == ""


def test_amber_only_ever_means_being_undone() -> None:
    amber = {
        (kind, status)
        for kind, states in all_states().items()
        for status, shown in states.items()
        if shown.tone == "undo"
    }
    undoing = {"COMPENSATING", "COMPENSATION", "human"}
    runs = {"compensation_run", "step"}
    # What another organisation asked for is being undone once it is agreed to.
    asked = ("compensation_request", "APPROVED")
    assert asked in amber
    assert {status for kind, status in amber - {asked} if kind not in runs} == undoing


@pytest.mark.parametrize("kind", sorted(all_states()))
def test_every_state_has_words_and_an_icon_that_exists(kind: str) -> None:
    circle = amends.icon("circle", 14)
    for status, shown in all_states()[kind].items():
        assert str(shown.label)
        assert str(shown.label) != status
        assert amends.icon(shown.icon, 14) != circle
        assert shown.tone in {"wait", "act", "undo", "done", "bad"}


def test_an_icon_is_decoration_unless_it_is_named() -> None:
    plain, named = amends.icon("check"), amends.icon("check", 16, "done")
    assert 'aria-hidden="true"' in plain
    assert "style=" not in plain
    assert 'role="img"' in named
    assert 'aria-label="done"' in named
    assert amends.icon("no-such-icon") == amends.icon("circle")


def test_hashes_are_shortened_and_kept_whole() -> None:
    digest = bytes.fromhex("9f3c" + "00" * 29 + "a1")
    assert amends.short_hash(digest) == "9f3c…a1"
    assert amends.full_hash(digest) == digest.hex()
    assert amends.short_hash("abc") == "abc"
    assert amends.short_hash(None) == amends.full_hash(None) == ""


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("creditScore", "Credit score"),
        ("credit_score", "Credit score"),
        ("IBAN", "IBAN"),
        ("step-2", "Step 2"),
    ],
)
def test_json_keys_become_words(key: str, expected: str) -> None:
    assert amends.label_of(key) == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "yes"),
        (False, "no"),
        (None, "empty"),
        ([], "empty"),
        (0, "text"),
        ({"a": 1}, "map"),
        ([1], "list"),
        ("x", "text"),
    ],
)
def test_json_values_are_classified(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_json_is_shown_readably_and_escaped() -> None:
    shown = render_to_string(
        "components/json.html", {"value": {"loanAmount": 250000, "tags": ["<x>"], "signed": True}}
    )
    assert re.sub(r"\s+", " ", TAG.sub(" ", shown)).strip() == (
        "Loan amount 250000 Tags &lt;x&gt; Signed yes"
    )


def test_json_is_shown_however_deep_and_with_any_name() -> None:
    value: Any = {"items": "deep"}
    for _ in range(200):
        value = [{"items": value}]
    shown = render_to_string("components/json.html", {"value": value})
    assert shown.count("<dt>Items</dt>") == 201
    assert "deep" in shown


def test_of_very_many_values_the_first_are_shown() -> None:
    shown = render_to_string("components/json.html", {"value": {"a": [[]] * 5_000, "b": 1, "c": 2}})
    assert shown.count("none") == 1_999
    assert "3001 more are not shown" in shown
    assert "2 more are not shown" in shown


def test_refused_actions_are_listed_with_their_reason() -> None:
    actions = [
        {"label": "Claim", "allowed": True, "reason": ""},
        {"label": "Cancel", "allowed": False, "reason": "only an operator may"},
        {"label": "Hidden", "allowed": False, "reason": ""},
    ]
    assert [item["label"] for item in amends.denied(actions)] == ["Cancel"]
    assert amends.denied(None) == []


def test_initials_and_lookup() -> None:
    assert amends.initials("ana.silva") == "as"
    assert amends.initials("compliance") == "co"
    assert amends.initials(None) == "?"
    assert amends.lookup({"1": "one"}, 1) == "one"
    assert amends.lookup(None, 1) == ""


@pytest.mark.parametrize("name", PAGES)
def test_every_template_can_be_read(name: str) -> None:
    assert get_template(name) is not None


@pytest.mark.parametrize("name", ["400.html", "403.html", "404.html", "500.html"])
def test_an_error_page_needs_no_context(name: str) -> None:
    page = render_to_string(name)
    assert page.count("<h1>") == 1
    assert "<nav" not in page
