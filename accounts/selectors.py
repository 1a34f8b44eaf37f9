"""Reads of people: who a user is in which tenant, and how an actor is called.

Unless said otherwise a function runs in the caller's tenant scope.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat

from accounts.acting import ActingUser
from accounts.models import Actor, ApiToken, GroupMembership, Membership, Tenant, User
from accounts.roles import OPERATING_ROLES, Role
from ledger.clock import now
from ledger.statements import fetched
from ledger.tenancy import system_scope


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """An actor as people read it. An erased person is called by the token's first characters."""

    actor_id: uuid.UUID
    username: str
    name: str
    type: str
    is_active: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """One tenant a user belongs to, with the roles held there."""

    acting: ActingUser
    tenant_name: str
    tenant_slug: str
    roles: frozenset[str]
    name: str = ""


def places_of(user_id: uuid.UUID) -> list[Place]:
    """Return every active membership of a user, over all tenants, by tenant name."""
    return [place for _user, place in read_places(user_id)]


def read_places(user_id: uuid.UUID) -> list[tuple[User, Place]]:
    """Return the same, each with the user.

    Runs in the `login` scope: at sign-in no tenant is chosen yet.
    """
    rows = Membership.objects.filter(
        user_id=user_id, is_active=True, user__is_active=True, actor__is_active=True
    ).select_related("tenant", "actor", "user")
    with system_scope("login"):
        return [(row.user, _place(row)) for row in rows.order_by("tenant__name", "id")]


@dataclasses.dataclass(frozen=True, slots=True)
class TokenHolder:
    """Whom a valid token belongs to."""

    user: User
    place: Place


def holder_of_token(digest: str) -> TokenHolder | None:
    """Return whom an unexpired token belongs to, by its hash, in the `login` scope.

    None if it is unknown or expired, or if member, user or actor is not active.
    """
    rows = ApiToken.objects.filter(
        Q(expiry__isnull=True) | Q(expiry__gt=now()),
        digest=digest,
        membership__is_active=True,
        membership__user__is_active=True,
        membership__actor__is_active=True,
    ).select_related("membership__tenant", "membership__actor", "membership__user")
    with system_scope("login"):
        row = rows.first()
    return None if row is None else TokenHolder(row.membership.user, _place(row.membership))


def people(tenant_id: uuid.UUID, actor_ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, Person]:
    """Return the named people for `actor_ids`, by id, in one query."""
    wanted = {id_ for id_ in actor_ids if id_ is not None}
    if not wanted:
        return {}
    rows = Actor.objects.filter(tenant_id=tenant_id, id__in=wanted).select_related("user")
    return {row.id: person_of(row) for row in rows}


def people_of(
    rows: Sequence[Any], actor_ids: Iterable[uuid.UUID | None]
) -> dict[uuid.UUID, Person]:
    """Return the named people for `actor_ids`, whom rows of one tenant name."""
    return people(rows[0].tenant_id, actor_ids) if rows else {}


def people_called(
    tenant_id: uuid.UUID, names: Collection[str], actors: Iterable[uuid.UUID | None] = ()
) -> dict[str, Person]:
    """Return people, present or past, by what calls them: the token of an actor, or a username;
    and those for `actors`, in the same query."""
    tokens = {each for each in (*actors, *map(_token, names)) if each is not None}
    if not tokens and not names:
        return {}
    # A name is looked up as one; among the tenant's own actors only.
    users = User.objects.filter(username__in=list(names)).values("id")
    rows = Actor.objects.filter(Q(id__in=tokens) | Q(user_id__in=users), tenant_id=tenant_id)
    found: dict[str, Person] = {}
    for row in rows.select_related("user"):
        person = person_of(row)
        found |= {str(row.id): person, person.username: person}
    return found


def _token(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None


# Asked at every step of a case.
ACTORS_BY_USERNAME = """
SELECT u.username, m.actor_id FROM accounts_user u
JOIN accounts_membership m ON m.user_id = u.id
JOIN accounts_actor a ON a.tenant_id = m.tenant_id AND a.id = m.actor_id
WHERE m.tenant_id = %s AND u.username = ANY(%s) AND m.is_active AND u.is_active AND a.is_active
"""


#: An expression for how an actor is called, as `person_of` does it, in a text of somebody else's;
#: `tenant` and `actor` are columns there.
ACTORS_NAME = """(
    SELECT CASE WHEN a.type = 'SYSTEM' THEN 'system'
        ELSE coalesce(u.username, 'erased-' || left(a.id::text, 8)) END
    FROM accounts_actor a LEFT JOIN accounts_user u ON u.id = a.user_id
    WHERE a.tenant_id = {tenant} AND a.id = {actor})"""


def actors_by_username(tenant_id: uuid.UUID, usernames: Collection[str]) -> dict[str, uuid.UUID]:
    """Return the actors of active members by username; unknown names are missing."""
    return dict(fetched(ACTORS_BY_USERNAME, [tenant_id, list(usernames)]))


def called(tenant_id: uuid.UUID, usernames: Collection[str]) -> tuple[list[uuid.UUID], list[str]]:
    """Return the actors of those who are active members, and the names of those who are not."""
    found = actors_by_username(tenant_id, usernames) if usernames else {}
    return sorted(found.values()), [name for name in usernames if name not in found]


def actor_named(tenant_id: uuid.UUID, username: str) -> uuid.UUID | None:
    """Return the actor of a member, present or past, by username; `system` is the tenant's own."""
    wanted = Q(type="SYSTEM") if username == "system" else Q(user__username=username)
    rows = Actor.objects.filter(wanted, tenant_id=tenant_id)
    found: uuid.UUID | None = rows.values_list("id", flat=True).first()
    return found


def actors_named(tenant_id: uuid.UUID, usernames: Collection[str]) -> dict[str, uuid.UUID]:
    """Return the actors of members, present or past, by username; nobody who never was one."""
    if not usernames:
        return {}
    rows = Actor.objects.filter(tenant_id=tenant_id, user__username__in=list(usernames))
    return dict(rows.values_list("user__username", "id"))


def member_named(tenant_id: uuid.UUID, username: str) -> uuid.UUID | None:
    """Return the actor of an active member by username."""
    rows = Membership.objects.filter(
        tenant_id=tenant_id, user__username=username, is_active=True, user__is_active=True,
        actor__is_active=True,
    )  # fmt: skip
    found: uuid.UUID | None = rows.values_list("actor_id", flat=True).first()
    return found


def members_called(tenant_id: uuid.UUID, text: str, most: int) -> list[Person]:
    """Return active members whose name, or username, has a text in it, by username."""
    rows = Membership.objects.filter(
        tenant_id=tenant_id, is_active=True, user__is_active=True, actor__is_active=True
    ).annotate(full_name=Concat("user__first_name", Value(" "), "user__last_name"))
    rows = rows.filter(Q(user__username__icontains=text) | Q(full_name__icontains=text))
    found = rows.select_related("actor", "user").order_by("user__username")[:most]
    return [
        Person(
            row.actor_id, row.user.username, row.user.get_full_name() or row.user.username,
            row.actor.type, is_active=True,
        )
        for row in found
    ]  # fmt: skip


def operators(tenant_id: uuid.UUID) -> list[uuid.UUID]:
    """Return the actors of the tenant's active operators."""
    return holding_any(tenant_id, OPERATING_ROLES)


def holding_any(tenant_id: uuid.UUID, roles: Collection[str]) -> list[uuid.UUID]:
    """Return the actors of active members who hold one of these roles."""
    rows = Membership.objects.filter(
        tenant_id=tenant_id, roles__overlap=sorted(roles), is_active=True, user__is_active=True
    )
    return list(rows.order_by("id").values_list("actor_id", flat=True))


def operating(who: ActingUser) -> QuerySet[Membership]:
    """Return the membership if it is an operator's, to be read inside another query."""
    return membership_of(who).filter(roles__overlap=sorted(OPERATING_ROLES))


def membership_of(who: ActingUser) -> QuerySet[Membership]:
    """Return the membership while it is active, to be read inside another query."""
    if who.membership_id is None:
        return Membership.objects.none()
    return Membership.objects.filter(tenant_id=who.tenant_id, id=who.membership_id, is_active=True)


def members_of_groups(tenant_id: uuid.UUID, names: Collection[str]) -> list[uuid.UUID]:
    """Return the actors of active members of any of the named groups."""
    rows = GroupMembership.objects.filter(
        tenant_id=tenant_id, name__in=list(names), membership__is_active=True,
        membership__user__is_active=True,
    )  # fmt: skip
    return list(rows.order_by("membership__actor_id").values_list(
        "membership__actor_id", flat=True).distinct())  # fmt: skip


def among_groups(
    tenant_id: uuid.UUID, actor_ids: Collection[uuid.UUID], names: Collection[str]
) -> set[uuid.UUID]:
    """Return those of some actors who are in any of the named groups."""
    rows = GroupMembership.objects.filter(
        tenant_id=tenant_id, name__in=list(names), membership__actor_id__in=list(actor_ids)
    )
    return set(rows.values_list("membership__actor_id", flat=True))


def groups_with_members(tenant_id: uuid.UUID, names: Collection[str]) -> set[str]:
    """Return those of the named groups that an active member is in."""
    rows = GroupMembership.objects.filter(
        tenant_id=tenant_id, name__in=list(names), membership__is_active=True,
        membership__user__is_active=True,
    )  # fmt: skip
    return set(rows.values_list("name", flat=True).distinct())


def groups_of_actor(tenant_id: uuid.UUID, actor_id: uuid.UUID) -> list[str]:
    """Return the groups that somebody is in, also after their membership has ended."""
    rows = GroupMembership.objects.filter(tenant_id=tenant_id, membership__actor_id=actor_id)
    return list(rows.order_by("name").values_list("name", flat=True))


def group_names(who: ActingUser) -> QuerySet[GroupMembership, str]:
    """Return the names of the groups a member is in, to be read inside another query."""
    rows = GroupMembership.objects.none()
    if who.membership_id is not None:
        rows = GroupMembership.objects.filter(
            tenant_id=who.tenant_id, membership_id=who.membership_id
        )
    return rows.values_list("name", flat=True)


def email_of(tenant_id: uuid.UUID, actor_id: uuid.UUID) -> str:
    """Return the address mail to this actor goes to, or an empty string."""
    rows = Actor.objects.filter(tenant_id=tenant_id, id=actor_id, is_active=True)
    row = rows.values_list("user__email").first()
    return (row[0] or "") if row else ""


_ACTIVE = """
SELECT m.actor_id FROM accounts_membership m
JOIN accounts_actor a ON a.tenant_id = m.tenant_id AND a.id = m.actor_id
JOIN accounts_user u ON u.id = m.user_id
WHERE m.tenant_id = %s AND m.actor_id = ANY(%s::uuid[])
  AND m.is_active AND u.is_active AND a.is_active
"""


def active_actors(tenant_id: uuid.UUID, actor_ids: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
    """Return those of `actor_ids` who are active members now."""
    return frozenset(actor_id for (actor_id,) in fetched(_ACTIVE, [tenant_id, list(actor_ids)]))


_ABLE = f"{_ACTIVE} AND NOT (%s = ANY(m.roles) AND m.roles <@ ARRAY[%s, %s])"


def able_actors(tenant_id: uuid.UUID, actor_ids: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
    """Return those of `actor_ids` who are active members now and do not only look."""
    auditor, member = Role.AUDITOR.value, Role.MEMBER.value
    given = [tenant_id, list(actor_ids), auditor, auditor, member]
    return frozenset(actor_id for (actor_id,) in fetched(_ABLE, given))


_ONLY_LOOK = """
SELECT actor_id FROM accounts_membership
WHERE tenant_id = %s AND actor_id = ANY(%s::uuid[])
  AND %s = ANY(roles) AND roles <@ ARRAY[%s, %s]
"""


def who_only_look(tenant_id: uuid.UUID, actor_ids: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
    """Return those of `actor_ids` who are auditors without another role: they change nothing."""
    auditor, member = Role.AUDITOR.value, Role.MEMBER.value
    given = [tenant_id, list(actor_ids), auditor, auditor, member]
    return frozenset(actor_id for (actor_id,) in fetched(_ONLY_LOOK, given))


def offered(
    tenant_id: uuid.UUID, lists: Sequence[str], most: int
) -> dict[str, list[tuple[str, str]]]:
    """Return what there is to choose from, in one query: of `people` the active members, by
    username, with the name; of `groups` those that active members are in, with nothing beside."""
    if not lists:
        return {}
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in lists}
    first, *others = (_OFFERED[name](tenant_id)[:most] for name in lists)
    for of, name, *parts in first.union(*others, all=True):
        full = " ".join(parts).strip()
        found[of].append((name, full or (name if of == "people" else "")))
    return {of: sorted(each, key=lambda one: one[0].casefold()) for of, each in found.items()}


def _offered_people(tenant_id: uuid.UUID) -> QuerySet[Any, Any]:
    rows = Membership.objects.filter(
        tenant_id=tenant_id, is_active=True, user__is_active=True, actor__is_active=True
    )
    names = ("user__username", "user__first_name", "user__last_name")
    return rows.order_by("user__username").values_list(Value("people"), *names)


def _offered_groups(tenant_id: uuid.UUID) -> QuerySet[Any, Any]:
    rows = GroupMembership.objects.filter(tenant_id=tenant_id, membership__is_active=True)
    listed = rows.order_by("name").distinct()
    return listed.values_list(Value("groups"), "name", Value(""), Value(""))


_OFFERED = {"people": _offered_people, "groups": _offered_groups}


def preferences_of(user_id: uuid.UUID) -> dict[str, str]:
    """Return how pages speak to a user: `language`, `time_zone`; empty: nothing is chosen."""
    found = User.objects.values_list("language", "time_zone").get(id=user_id)
    return dict(zip(("language", "time_zone"), found, strict=True))


def acting_as(username: str, *, tenant_slug: str | None = None) -> ActingUser | None:
    """Return a user's identity in a tenant (the only one, or the first by name), if any."""
    user = User.objects.filter(username=username).first()
    if user is None:
        return None
    for found in places_of(user.id):
        if tenant_slug in {None, found.tenant_slug}:
            return found.acting
    return None


def username_of(user_id: uuid.UUID) -> str:
    """Return how a user signs in, "" for nobody; users belong to no tenant."""
    return User.objects.filter(id=user_id).values_list("username", flat=True).first() or ""


def tenant_called(tenant_id: uuid.UUID) -> tuple[str, str]:
    """Return short name and name of the tenant in whose scope this is called."""
    return Tenant.objects.values_list("slug", "name").get(id=tenant_id)


def tenant_named(slug: str) -> Tenant | None:
    """Return the tenant with this slug, in the `login` scope."""
    with system_scope("login"):
        return Tenant.objects.filter(slug=slug).first()


def _place(row: Membership) -> Place:
    return Place(
        acting=ActingUser(
            row.tenant_id, row.actor_id, row.actor.type, row.user.username, row.id, row.user_id
        ),
        tenant_name=row.tenant.name,
        tenant_slug=row.tenant.slug,
        roles=frozenset(row.roles),
        name=row.user.get_full_name() or row.user.username,
    )


def person_of(row: Actor) -> Person:
    """Return an actor, whose user was read with it, as people read it."""
    if row.type == "SYSTEM":
        return Person(row.id, "system", "Amends", row.type, is_active=True)
    if row.user is None:
        token = f"erased-{str(row.id)[:8]}"
        return Person(row.id, token, token, row.type, is_active=False)
    name = row.user.get_full_name() or row.user.username
    return Person(row.id, row.user.username, name, row.type, row.is_active)
