"""Members and the organisation as kinds of things: how they are called."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.managed_people import memberships_of
from accounts.models import Actor, Tenant
from accounts.selectors import people
from people.substituting import tenant_admin
from verbs.subject import Description, Subject


def _actors(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    """Describe actors by name, in one query; an erased person by a piece of the token."""
    return {
        id_: Description(
            person.name, status="ACTIVE" if person.is_active else "INACTIVE", icon="user"
        )
        for id_, person in people(tenant_id, ids).items()
    }


def _tenants(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    """Describe the tenant of the scope by name; there is never another."""
    rows = Tenant.objects.filter(id__in={tenant_id} & set(ids)).values_list("id", "name")
    return {id_: Description(name, icon="building-2") for id_, name in rows}


def _crumbs(actor: Actor) -> list[dict[str, str]]:
    """Return the way from the list of members."""
    name = people(actor.tenant_id, [actor.id])[actor.id].name
    url = reverse("people:members")
    return [{"label": _("Members"), "url": url}, {"label": name, "url": url}]


def _form_values(actor: Actor) -> Mapping[str, Any]:
    """Return what a member has now, as the form that changes it asks for it."""
    membership = memberships_of([actor])[actor.id]
    return {
        "roles": membership.roles,
        "groups": sorted(each.name for each in membership.groups.all()),
        "skills": membership.skills,
    }


ACTOR = Subject(
    subject_type="actor",
    model=Actor,
    rank=94,
    route="members/<uuid:id>",
    describe=_actors,
    pages="people:member",
    crumbs=_crumbs,
    form_values=_form_values,
    relations={"tenant_admin": tenant_admin},
)
TENANT = Subject(subject_type="tenant", model=Tenant, describe=_tenants)
