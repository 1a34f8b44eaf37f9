"""Who looks at a page: whether the membership still stands, and what the member may do, to be read
inside another query, with whatever that page reads anyway."""

from __future__ import annotations

import json
import uuid
from typing import NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Case,
    Exists,
    F,
    Func,
    JSONField,
    OuterRef,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from accounts.acting import ActingUser, Authority, authority_read
from accounts.models import GroupMembership, Membership, User
from accounts.substitutions import not_over
from ledger.clock import now


class Viewer(NamedTuple):
    """The membership of somebody who is an active member, and the columns that say how
    `session_hash` knows their sessions, and what they may do (`authority_said`)."""

    rows: QuerySet[Membership]
    known_by: str
    may: Combinable


def viewer(who: ActingUser) -> Viewer:
    """Return what to read of somebody; no row where they are nobody any more."""
    rows = Membership.objects.none()
    if who.membership_id is not None:
        rows = Membership.objects.filter(
            tenant_id=who.tenant_id, id=who.membership_id, is_active=True, user__is_active=True,
            actor__is_active=True,
        )  # fmt: skip
    moment = now()
    groups = GroupMembership.objects.filter(tenant_id=who.tenant_id, membership_id=OuterRef("id"))
    named = not_over(who.tenant_id).filter(substitute_id=OuterRef("actor_id"))
    absent = Func(
        F("tenant_id"), F("actor_id"), Value(moment), function="accounts_stood_in_for",
        output_field=JSONField(),
    )  # fmt: skip
    may = Func(
        F("actor_id"), F("actor__type"), F("roles"), F("skills"),
        ArraySubquery(groups.order_by("name").values("name")),
        Case(When(Exists(named), then=absent), default=None, output_field=JSONField()),
        function="jsonb_build_array", output_field=JSONField(),
    )  # fmt: skip
    return Viewer(rows, "user__password", Cast(may, TextField()))


def authority_said(tenant_id: uuid.UUID, text: str) -> Authority:
    """Return what a member may do, as the column of `viewer` says it."""
    actor_id, *said = json.loads(text)
    return authority_read(tenant_id, [uuid.UUID(actor_id), *said])


def session_hash(password: str) -> str:
    """Return what the sessions of a user with this stored password carry."""
    return User(password=password).get_session_auth_hash()
