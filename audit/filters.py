"""Which entries are asked for: the filters that the ledger's pages and its API share."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from accounts.selectors import actor_named
from json_values.moments import read_day
from ledger import selectors
from ledger.errors import Invalid
from ledger.vocabulary import KINDS, SUBJECT_TYPES, all_actions

#: Newest first. Entries of one transaction share their moment; ids rise within it.
NEWEST_FIRST = ("-at", "-id")
_CODE = "invalid_filter"
_COLUMNS = ("subject_type", "subject_id", "case_id", "kind")


@dataclasses.dataclass(frozen=True, slots=True)
class EntryFilter:
    """What to look for; None leaves it open. `since` and `until` are whole days, both included."""

    subject_type: str | None = None
    subject_id: uuid.UUID | None = None
    case_id: uuid.UUID | None = None
    actor: str | None = None
    actions: frozenset[str] | None = None
    kind: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None

    def period(self, tenant_id: uuid.UUID) -> Any | None:
        """Return the entries of the time that is asked for, where those that are asked for must be
        looked for among them; None where an index finds them."""
        looked_for = (self.subject_type, self.actor, self.actions, self.kind)
        if self.subject_id or self.case_id or not any(looked_for):
            return None
        return EntryFilter(since=self.since, until=self.until).rows(tenant_id)

    def rows(self, tenant_id: uuid.UUID) -> Any:
        """Return the queryset of the tenant's entries that are asked for.

        An actor nobody knows has done nothing. Runs in the caller's tenant scope.
        """
        entries = selectors.all_entries(tenant_id)
        said = {name: getattr(self, name) for name in _COLUMNS}
        wanted = {name: value for name, value in said.items() if value is not None}
        if self.actions is not None:
            wanted["action__in"] = sorted(self.actions)
        if self.actor is not None:
            found = actor_named(tenant_id, self.actor)
            if found is None:
                return entries.none()
            wanted["actor_id"] = found
        if self.since is not None:
            wanted["at__gte"] = _midnight(self.since)
        if self.until is not None:
            wanted["at__lt"] = _midnight(self.until + dt.timedelta(days=1))
        return entries.filter(**wanted)


def parse(query: Mapping[str, Any]) -> EntryFilter:
    """Return the filter that query parameters spell. Raises Invalid naming the parameter.

    `subject` is `<type>:<id>`, or a type; of pages an id, beside `type`. `action` may be several,
    with commas: what reads the same is asked for at once.
    """
    subject_type, subject_id = _subject(_text(query, "subject"), _text(query, "type"))
    return EntryFilter(
        subject_type=subject_type,
        subject_id=subject_id,
        case_id=_uuid("case", _text(query, "case")),
        actor=_text(query, "actor"),
        actions=_actions(_text(query, "action")),
        kind=_word("kind", _text(query, "kind"), KINDS),
        since=_date("since", _text(query, "since")),
        until=_date("until", _text(query, "until")),
    )


def _text(query: Mapping[str, Any], name: str) -> str | None:
    if name not in query:
        return None
    found = str(query[name]).strip()
    if not found:
        raise Invalid.field(name, f"{name}: says nothing.", code=_CODE)
    return found


def _subject(text: str | None, type_: str | None) -> tuple[str | None, uuid.UUID | None]:
    if text is not None and ":" in text:
        type_, _, text = text.partition(":")
        if not text:
            raise Invalid.field("subject", "subject: <type>:<id>.", code=_CODE)
    elif text in SUBJECT_TYPES:
        type_, text = text, None
    return _word("subject", type_, SUBJECT_TYPES), _uuid("subject", text)


def _word(name: str, text: str | None, known: frozenset[str]) -> str | None:
    if text is not None and text not in known:
        raise Invalid.field(name, f"{name}: {text!r} is not known to the ledger.", code=_CODE)
    return text


def _actions(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    known = all_actions()
    asked = text.split(",", maxsplit=len(known))
    return frozenset(name for each in asked if (name := _word("action", each, known)))


def _uuid(name: str, text: str | None) -> uuid.UUID | None:
    if text is None:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Invalid.field(name, f"{name}: {text!r} is no UUID.", code=_CODE) from None


def _date(name: str, text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return read_day(text)
    except ValueError:
        raise Invalid.field(name, f"{name}: a date as YYYY-MM-DD.", code=_CODE) from None


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min, tzinfo=dt.UTC)
