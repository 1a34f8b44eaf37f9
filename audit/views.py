"""The ledger's pages: everything, one subject's entries, one entry. Every member may read them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.acting import ActingUser
from accounts.roles import ADMIN_SITE_ROLES
from accounts.selectors import people_called
from audit.attestations import attest_buttons, shown_attestations
from audit.entry_context import Presenter
from audit.erasures import may_read
from audit.filters import NEWEST_FIRST, EntryFilter, parse
from audit.payload_words import reader_for
from audit.provenance.prov_formats import provenance_links
from audit.words import KIND_WORDS, action_choices, one_choice
from ledger import selectors
from ledger.errors import NotFound
from ledger.vocabulary import SUBJECT_TYPES
from verbs.subject import Description, Ref, describe
from verbs.words import action_label, all_subject_words, subject_words
from web.entries import ledger_url
from web.pages import MemberPage
from web.values import person_words, phrase


class EntriesPage(MemberPage):
    """Everything that was recorded in the tenant, newest first, filtered."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page."""
        # A form sends the fields that nobody filled in, too.
        asked = parse({name: value for name, value in request.GET.items() if str(value).strip()})
        context = {
            "crumbs": [{"label": _("Ledger"), "url": ""}],
            "chips": _chips(request, asked, self.acting_user),
            "filters": _form(asked),
            "clear_url": reverse("audit:entries"),
            "report_url": reverse("audit:report"),
            "check_url": reverse("audit:check"),
            "health_url": reverse("audit:health") if self._looks_after() else "",
            "erasures_url": reverse("audit:erasures") if may_read(self.authority) else "",
        }
        tenant_id = self.acting_user.tenant_id
        among = asked.period(tenant_id)
        return _listed(self, asked.rows(tenant_id), context, order=NEWEST_FIRST, among=among)

    def _looks_after(self) -> bool:
        return not self.authority.roles.isdisjoint(ADMIN_SITE_ROLES)


class SubjectPage(MemberPage):
    """The chain of one subject, newest first."""

    def get(self, _request: HttpRequest, type: str, id: uuid.UUID) -> HttpResponse:
        """Show one page of it."""
        tenant_id = self.acting_user.tenant_id
        if type not in SUBJECT_TYPES or selectors.head(tenant_id, type, id) is None:
            raise NotFound
        rows = selectors.all_entries(tenant_id).filter(subject_type=type, subject_id=id)
        return _listed(self, rows, {}, order=("-subject_seq", "-id"), about=(type, id))


def _listed(
    page: MemberPage,
    rows: Any,
    context: dict[str, Any],
    *,
    order: tuple[str, str],
    among: Any = None,
    about: Ref | None = None,
) -> HttpResponse:
    """Show one page of entries; each names its subject where they are not all `about` one."""
    found, links = page.page(rows, order=order, among=among)
    entries = selectors.open_entries(found.rows)
    known = [] if about is None else [about]
    presenter = Presenter(page.acting_user.tenant_id, entries, about=known)
    shown = [presenter.row(each, with_subject=about is None) for each in entries]
    more: dict[str, Any] = {
        "rows": shown, "subject": None, "check": None, "pagination": links,
    }  # fmt: skip
    if about is not None:
        asked = urlencode({"type": about[0], "subject": about[1]})
        more["report_url"] = f"{reverse('audit:report')}?{asked}"
        more["pack_url"] = _pack_url(*about)
        more["provenance"] = provenance_links(*about)
        more["subject"] = subject = presenter.subject(*about)
        more["crumbs"] = [_to_ledger(), {"label": subject["label"], "url": ""}]
    return page.render("audit/entries.html", {**context, **more})


def _pack_url(type_: str, id_: uuid.UUID) -> str:
    """Return where the evidence pack about one thing is: of a case with all its parts."""
    asked = {"case": str(id_)} if type_ == "case" else {"subject": f"{type_}:{id_}"}
    return f"{reverse('audit-api:export')}?{urlencode(asked)}"


def _proof_links(entry: selectors.Entry) -> dict[str, str]:
    """Return `links` of audit/entry.html: what can be taken away of an entry."""
    own = (entry.subject_type, entry.subject_id)
    whole = None if entry.case_id is None else ("case", entry.case_id)
    return {
        "proof": "" if entry.tree_index is None else reverse("audit-api:proof", args=[entry.id]),
        "pack": _pack_url(*own),
        "case_pack": "" if whole is None or whole == own else _pack_url(*whole),
        "check": reverse("audit:check-export"),
    }


def _to_ledger() -> dict[str, str]:
    return {"label": _("Ledger"), "url": reverse("audit:entries")}


class EntryPage(MemberPage):
    """One entry: what, who, why, what it led to, and its hashes."""

    def get(self, _request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        try:
            entry, previous = selectors.entry_and_previous(self.acting_user.tenant_id, id)
        except LookupError:
            raise NotFound from None
        effects = selectors.effects_of(entry)
        presenter = Presenter(entry.tenant_id, [entry], effects=effects)
        shown = presenter.full(entry, effects, previous)
        page = ledger_url(entry.subject_type, entry.subject_id)
        crumbs = [
            _to_ledger(),
            {"label": shown["subject"]["label"], "url": page},
            {"label": _("Entry %(n)s") % {"n": entry.subject_seq}, "url": ""},
        ]
        who = self.acting_user
        said = reader_for(who.tenant_id, who.actor_id, shown["kept"])
        context = {
            "crumbs": crumbs,
            "entry": shown,
            "links": _proof_links(entry),
            "reader": said,
            **shown_attestations(entry),
            "actions": attest_buttons(entry, self.authority),
        }
        return self.render("audit/entry.html", context)


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


def _chips(request: HttpRequest, asked: EntryFilter, who: ActingUser) -> list[dict[str, str]]:
    """Return `chips`: what is asked for, as people read it. What it names is read at once."""
    here = reverse("audit:entries")
    given = {name: request.GET[name] for name in _names() if request.GET.get(name)}
    said = _said(asked, who)
    return [
        {
            "label": phrase(_("%(what)s: %(value)s"), what=_names()[name], value=said[name]),
            "remove_url": f"{here}?{urlencode({key: given[key] for key in given if key != name})}",
        }
        for name in given
    ]


def _said(asked: EntryFilter, who: ActingUser) -> dict[str, str]:
    """Return each filter's value in words: things by title, people by name, days as days."""
    things: dict[str, Ref] = {}
    if asked.subject_type and asked.subject_id:
        things["subject"] = (asked.subject_type, asked.subject_id)
    if asked.case_id:
        things["case"] = ("case", asked.case_id)
    found = describe(who.tenant_id, things.values())
    person = people_called(who.tenant_id, [asked.actor]).get(asked.actor) if asked.actor else None
    return {
        "type": str(subject_words(asked.subject_type or "")),
        "subject": _title(found, things.get("subject")),
        "case": _title(found, things.get("case")),
        "action": " / ".join(sorted({action_label(each) for each in asked.actions or ()})),
        "actor": (asked.actor or "") if person is None else person_words(person),
        "kind": str(KIND_WORDS.get(asked.kind or "", "")),
        "since": "" if asked.since is None else date_format(asked.since, "j F Y"),
        "until": "" if asked.until is None else date_format(asked.until, "j F Y"),
    }


def _title(found: Mapping[Ref, Description], thing: Ref | None) -> str:
    return "" if thing is None else found[thing].title


def _form(asked: EntryFilter) -> dict[str, Any]:
    """Return `filters` of components/chips.html. A subject or case that was chosen stays chosen."""
    hidden = {"subject": asked.subject_id, "case": asked.case_id, "kind": asked.kind}
    return {
        "action": reverse("audit:entries"),
        "fields": [
            _select("type", asked.subject_type, all_subject_words()),
            _select("action", one_choice(asked.actions), action_choices(asked.subject_type)),
            {**_field("actor", "search", asked.actor), "list": "people"},
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
