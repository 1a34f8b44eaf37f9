"""The ledger's pages: everything, one subject's entries, one entry. Every member may read them."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.filters import NEWEST_FIRST, EntryFilter, parse
from audit.presenting import Presenter
from ledger import selectors
from ledger.errors import NotFound
from ledger.vocabulary import ACTIONS, SUBJECT_TYPES
from web.describers import describe
from web.entries import ledger_url
from web.entry_words import SUBJECT_WORDS, words_for
from web.pages import MemberPage


class EntriesPage(MemberPage):
    """Everything that was recorded in the tenant, newest first, filtered."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page."""
        asked = parse(request.GET)
        found, links = self.page(asked.rows(), order=NEWEST_FIRST)
        entries = selectors.open_entries(found.rows)
        presenter = Presenter(entries)
        return self.render(
            "audit/entries.html",
            {
                "crumbs": [{"label": _("Ledger"), "url": ""}],
                "subject": None,
                "rows": [presenter.row(each, with_subject=True) for each in entries],
                "check": None,
                "pagination": links,
                "chips": _chips(request),
                "filters": _form(asked),
                "clear_url": reverse("audit:entries"),
            },
        )


class SubjectPage(MemberPage):
    """The chain of one subject, newest first."""

    def get(
        self,
        _request: HttpRequest,
        type: str,
        id: uuid.UUID,
    ) -> HttpResponse:
        """Show one page of it."""
        if type not in SUBJECT_TYPES or selectors.head(type, id) is None:
            raise NotFound
        rows = selectors.all_entries().filter(subject_type=type, subject_id=id)
        found, links = self.page(rows, order=("-subject_seq", "-id"))
        entries = selectors.open_entries(found.rows)
        presenter = Presenter(entries)
        subject = describe([(type, id)])[(type, id)]
        return self.render(
            "audit/entries.html",
            {
                "crumbs": [
                    {"label": _("Ledger"), "url": reverse("audit:entries")},
                    {"label": subject.title, "url": ""},
                ],
                "subject": {
                    "label": subject.title,
                    "url": subject.url or ledger_url(type, id),
                    "type_label": SUBJECT_WORDS[type],
                },
                "rows": [presenter.row(each, with_subject=False) for each in entries],
                "check": None,
                "pagination": links,
            },
        )


class EntryPage(MemberPage):
    """One entry: what, who, why, what it led to, and its hashes."""

    def get(self, _request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        entry = selectors.entries_by_id([id]).get(id)
        if entry is None:
            raise NotFound
        effects = selectors.effects_of(id)
        presenter = Presenter([entry], effects=effects)
        shown = presenter.full(entry, effects, selectors.previous_of(entry))
        return self.render(
            "audit/entry.html",
            {
                "crumbs": [
                    {"label": _("Ledger"), "url": reverse("audit:entries")},
                    {
                        "label": shown["subject"]["label"],
                        "url": ledger_url(entry.subject_type, entry.subject_id),
                    },
                    {"label": _("Entry %(n)s") % {"n": entry.subject_seq}, "url": ""},
                ],
                "entry": shown,
            },
        )


def _names() -> dict[str, str]:
    """Return the filters of the page by parameter, in words."""
    return {
        "type": _("Kind"),
        "subject": _("Subject"),
        "case": _("Case"),
        "action": _("What happened"),
        "actor": _("Who"),
        "kind": _("Entry kind"),
        "since": _("From"),
        "until": _("Until"),
    }


def _chips(request: HttpRequest) -> list[dict[str, str]]:
    here = reverse("audit:entries")
    given = {name: request.GET[name] for name in _names() if request.GET.get(name)}
    return [
        {
            "label": f"{_names()[name]}: {_said(name, value)}",
            "remove_url": f"{here}?{urlencode({key: given[key] for key in given if key != name})}",
        }
        for name, value in given.items()
    ]


def _said(name: str, value: str) -> str:
    if name == "type":
        return str(SUBJECT_WORDS[value])
    if name == "action":
        return str(words_for("", value).label)
    return value


def _form(asked: EntryFilter) -> dict[str, Any]:
    """Return `filters` of components/chips.html. A subject or case that was chosen stays chosen."""
    hidden = {"subject": asked.subject_id, "case": asked.case_id, "kind": asked.kind}
    return {
        "action": reverse("audit:entries"),
        "fields": [
            _select("type", asked.subject_type, {t: SUBJECT_WORDS[t] for t in SUBJECT_TYPES}),
            _select("action", asked.action, {a: words_for("", a).label for a in ACTIONS}),
            _field("actor", "search", asked.actor),
            _field("since", "date", asked.since),
            _field("until", "date", asked.until),
        ],
        "hidden": [{"name": name, "value": value} for name, value in hidden.items() if value],
    }


def _field(name: str, kind: str, value: object) -> dict[str, Any]:
    return {"name": name, "label": _names()[name], "type": kind, "value": value or ""}


def _select(name: str, chosen: str | None, words: dict[str, Any]) -> dict[str, Any]:
    options = sorted((str(label), value) for value, label in words.items())
    return {
        **_field(name, "select", chosen),
        "options": [
            {"value": "", "label": _("Anything"), "selected": chosen is None},
            *(
                {"value": value, "label": label, "selected": value == chosen}
                for label, value in options
            ),
        ],
    }
