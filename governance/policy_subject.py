"""Policies as a kind of thing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.selectors import people
from governance.actions.policy_verbs import POLICY, governs, shown
from governance.models import Policy
from verbs.subject import Description, Named, Subject


def _called(_id: uuid.UUID, name: str) -> Description:
    return Description(name, reverse("governance:policies"), icon="scale")


def crumbs(row: Policy) -> list[dict[str, str]]:
    """Return the way from the list of policies."""
    url = reverse("governance:policies")
    return [{"label": _("Policies"), "url": url}, {"label": row.name, "url": url}]


def form_values(row: Policy) -> Mapping[str, Any]:
    """Return what it says, as the form that changes it asks for it."""
    said = {**shown(row), "approvers": approvers_named([row])[row.id] or None}
    return {name: value for name, value in said.items() if value != ""}


def approvers_named(rows: Sequence[Policy]) -> dict[uuid.UUID, list[dict[str, list[str]]]]:
    """Return the steps of policies of one tenant with people by their usernames: one query, and
    none where nobody is named."""
    ids = {uuid.UUID(each) for row in rows for step in row.approvers for each in step["users"]}
    named = people(rows[0].tenant_id, ids) if ids else {}
    return {row.id: [_step(step, named) for step in row.approvers] for row in rows}


def _step(step: Mapping[str, Any], named: Mapping[uuid.UUID, Any]) -> dict[str, list[str]]:
    found = (named.get(uuid.UUID(each)) for each in step["users"])
    users = sorted(person.username for person in found if person is not None)
    return {"users": users, "groups": sorted(step["groups"]), "roles": sorted(step["roles"])}


POLICY_SUBJECT = Subject(
    subject_type=POLICY,
    model=Policy,
    rank=93,
    route="policies/<uuid:id>",
    named=Named(Policy, ("name",), _called),
    relations={"policy_admin": governs},
    pages="governance:policy",
    crumbs=crumbs,
    form_values=form_values,
)
