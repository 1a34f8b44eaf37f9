"""The verbs about substitutions: who stands in for whom, from when until when.

One's own is made and changed by oneself, anybody's by a tenant admin. A substitute may end it:
nobody has to stand in for others.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import substitutions
from accounts.acting import Authority
from accounts.actions import naming_substitutes
from accounts.models import Substitution
from accounts.roles import Role
from accounts.selectors import actors_named, people
from ledger.errors import Invalid, NotPermitted
from verbs import catalogue, words
from verbs.input import Input, Moment, Name, Nothing
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Description, Locked, Subject

SUBSTITUTION = "substitution"


class NewSubstitution(Input):
    """Who stands in, until when; from now on unless it is said since when; for oneself unless
    `person` names another; for the work of one `group` alone, if that is said."""

    substitute: Name
    until: Moment
    since: Moment | None = None
    group: Name | None = None
    person: Name | None = None


class Dates(Input):
    """Other dates; what is left out, or null, stays."""

    since: Moment | None = None
    until: Moment | None = None


def _locked(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    """Lock the person, of whom it is recorded, and then the substitution."""
    person = substitutions.substitution(tenant_id, id_).person_id
    actor = naming_substitutes.lock_person(tenant_id, person)
    rows = substitutions.substitutions(tenant_id).select_for_update(of=("self",))
    return Locked(rows.get(id=id_), actor)


def _absent(row: Substitution, authority: Authority, _facts: Any) -> str:
    return "" if row.person_id == authority.actor_id else "not_the_person"


def _substitute(row: Substitution, authority: Authority, _facts: Any) -> str:
    return "" if row.substitute_id == authority.actor_id else "not_the_person"


def tenant_admin(_row: Any, authority: Authority, _facts: Any) -> str:
    """Say whether somebody looks after the members of the organisation."""
    return "" if Role.TENANT_ADMIN in authority.roles else "not_tenant_admin"


@catalogue.verb(
    SUBSTITUTION, operation("create", None, None, "member"), action="substitution_added",
    given=NewSubstitution, creates=True, status=201, page=False,
    no_button="Its form stands on the page of all substitutes.",
)  # fmt: skip
def substitute(_row: None, given: NewSubstitution, context: VerbContext) -> Substitution:
    """Let somebody stand in for a person: they may do with work what that person may, and no more.
    One's own; for another only a tenant admin."""
    authority = context.authority
    person = authority.actor_id if given.person is None else _called(authority, given.person)
    return naming_substitutes.add(
        naming_substitutes.lock_person(authority.tenant_id, person), given.substitute,
        group=given.group or "", since=given.since, until=given.until, by=context.by,
    )  # fmt: skip


def _called(authority: Authority, username: str) -> uuid.UUID:
    found = actors_named(authority.tenant_id, [username]).get(username)
    if found != authority.actor_id and (denied := tenant_admin(None, authority, None)):
        raise NotPermitted(words.denial(denied))
    if found is None:
        said = _("no member is called '%(name)s'") % {"name": username}
        raise Invalid.field("/person", said, code="unknown")
    return found


@catalogue.verb(
    SUBSTITUTION, operation("edit", None, None, "absent tenant_admin"), method="PATCH",
    action="substitution_changed", given=Dates, locked=_locked,
)  # fmt: skip
def change_dates(row: Substitution, given: Dates, context: VerbContext) -> Substitution:
    """Set other dates. What has begun keeps its beginning; what is over stays over."""
    naming_substitutes.change(
        context.others, row, since=given.since, until=given.until, by=context.by
    )
    return row


@catalogue.verb(
    SUBSTITUTION, operation("end", None, None, "absent substitute tenant_admin"), method="DELETE",
    action="substitution_ended", locked=_locked,
)  # fmt: skip
def end_substitution(row: Substitution, _given: Nothing, context: VerbContext) -> Substitution:
    """End it at once. What is over already stays as it is."""
    naming_substitutes.end(context.others, row, by=context.by)
    return row


def _described(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    rows = list(substitutions.substitutions(tenant_id).filter(id__in=list(ids)))
    named = people(tenant_id, (each for row in rows for each in (row.person_id, row.substitute_id)))
    return {
        row.id: Description(
            _("%(substitute)s for %(person)s")
            % {
                "substitute": named[row.substitute_id].name,
                "person": named[row.person_id].name,
            },
            reverse("people:substitutions"),
            icon="users",
        )
        for row in rows
    }


SUBSTITUTIONS = Subject(
    subject_type=SUBSTITUTION,
    model=Substitution,
    rank=95,
    route="substitutions/<uuid:id>",
    locked=_locked,
    describe=_described,
    relations={"absent": _absent, "substitute": _substitute, "tenant_admin": tenant_admin},
    pages="people:substitution",
)
