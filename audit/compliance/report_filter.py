"""What a report is about: a subject, a case, an actor, a period, and which entries belong to it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.selectors import actor_named
from audit.filters import EntryFilter, parse
from audit.provenance.prov_formats import finishing
from json_values.moments import NotAMoment, read_day, read_moment
from ledger import selectors
from ledger.entry_signatures import SIGNED
from ledger.errors import Invalid

#: As things happened. Entries of one transaction share their moment; ids rise within it.
OLDEST_FIRST: Final = ("at", "id")
#: Whatever is said of undoing, agreeing, refusing, vouching and erasing is told, but for these:
#: that an undo task was made, or taken up, decides nothing.
_KINDS: Final = ("COMPENSATION", "REFUSAL", "GOVERNANCE", "ATTESTATION", "ERASURE")
_NO_DECISIONS: Final = (
    "assigned", "claimed", "created", "dispatched", "released", "requested", "started",
    "compensation_awaits", "compensation_step_planned", "compensation_step_started",
    "compensation_step_waiting", "compensation_waiting",
    # It is told in the line of what is signed.
    SIGNED,
)  # fmt: skip
#: Ends of work that are decisions though nothing came of it.
_ENDS: Final = ("cancelled", "failed", "rejected", "skipped", "outcome_unknown", "closed")


@dataclasses.dataclass(frozen=True, slots=True)
class ReportFilter:
    """What is asked for. The period is half-open: what happened at `since` is in it, what happened
    at `until` is not. `actor` is a username, or the token of somebody who has none any more."""

    entries: EntryFilter
    actor: str | None
    since: dt.datetime | None
    until: dt.datetime | None

    def rows(self, tenant_id: uuid.UUID) -> Any:
        """Return the queryset of the tenant's entries that a report tells of. Runs in the caller's
        tenant scope."""
        told = Q(kind__in=_KINDS) & ~Q(action__in=_NO_DECISIONS)
        decided = {action for actions in finishing().values() for action in actions}
        rows = self.entries.rows(tenant_id).filter(
            told | Q(kind="TRANSITION", action__in=sorted({*decided, *_ENDS})), self._period()
        )
        if self.actor is None:
            return rows
        who = _token(self.actor) or actor_named(tenant_id, self.actor)
        return rows.none() if who is None else rows.filter(Q(actor_id=who) | Q(on_behalf_of_id=who))

    def among(self, tenant_id: uuid.UUID) -> Any | None:
        """Return the entries of the period, where those that are told must be looked for among
        them; None where an index finds them."""
        if self.entries.subject_id or self.entries.case_id:
            return None
        return selectors.all_entries(tenant_id).filter(self._period())

    def _period(self) -> Q:
        found = Q()
        if self.since is not None:
            found &= Q(at__gte=self.since)
        if self.until is not None:
            found &= Q(at__lt=self.until)
        return found


def report_filter(query: Mapping[str, Any]) -> ReportFilter:
    """Return what query parameters ask for. Raises Invalid naming the parameter: also where nothing
    is asked for, since a report is about something."""
    asked = {name: query[name] for name in ("subject", "type", "case") if name in query}
    said = {name: str(query.get(name, "")).strip() or None for name in ("actor", "since", "until")}
    if not asked and not any(said.values()):
        raise Invalid.field(
            "subject", _("Say of whom, of what, or of when."), code="invalid_filter"
        )
    since, until = (_moment(name, said[name]) for name in ("since", "until"))
    if since is not None and until is not None and until <= since:
        raise Invalid.field("until", _("until: later than since."), code="invalid_filter")
    return ReportFilter(parse(asked), said["actor"], since, until)


def _moment(name: str, text: str | None) -> dt.datetime | None:
    """Return a moment, or the first of a day (UTC)."""
    if text is None:
        return None
    try:
        if "T" not in text.upper() and " " not in text:
            return dt.datetime.combine(read_day(text), dt.time.min, tzinfo=dt.UTC)
        return read_moment(text)
    except (NotAMoment, ValueError):
        rule = _("%(name)s: a day as YYYY-MM-DD, or a moment as 2030-01-31T12:00:00Z.")
        raise Invalid.field(name, rule % {"name": name}, code="invalid_filter") from None


def _token(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
