"""Who acts, and with what authority at this moment.

An `ActingUser` is what a request or a handler brings along: identity, fixed at login. An
`Authority` is what the database says inside the verb's transaction: a role that was taken away a
second ago is gone, whatever the token remembers.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Actor, Membership
from accounts.roles import OPERATING_ROLES, ActorType, Role, held, strongest
from ledger.clock import now
from ledger.errors import NotPermitted
from ledger.record import ActorRef
from ledger.statements import fetched, right_behind
from ledger.tenancy import tenant_scope


@dataclasses.dataclass(frozen=True, slots=True)
class ActingUser:
    """An identity within one tenant. `membership_id` is None for the tenant's system actor."""

    tenant_id: uuid.UUID
    actor_id: uuid.UUID
    actor_type: str
    username: str
    membership_id: uuid.UUID | None = None
    user_id: uuid.UUID | None = None

    @property
    def is_system(self) -> bool:
        """Whether no person stands behind this."""
        return self.membership_id is None


@dataclasses.dataclass(frozen=True, slots=True)
class Absent:
    """Somebody who is stood in for now, with their groups. `only_for`: for the work of that group
    alone, "" for all of theirs."""

    actor_id: uuid.UUID
    groups: frozenset[str]
    only_for: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Authority:
    """What the acting user may do now, as the verb's own transaction read it.

    `stands_in_for` are those whose substitute they are now; `absent` is the one of them in whose
    place this is (`in_place_of_others`), None where somebody acts for themselves.
    """

    tenant_id: uuid.UUID
    actor_id: uuid.UUID
    actor_type: str
    roles: frozenset[str]
    groups: frozenset[str]
    skills: frozenset[str] = frozenset()
    stands_in_for: tuple[Absent, ...] = ()
    absent: Absent | None = None

    @property
    def person_id(self) -> uuid.UUID:
        """Whose work it is: that of the person in whose place somebody acts, else their own."""
        return self.actor_id if self.absent is None else self.absent.actor_id

    @property
    def absent_ids(self) -> frozenset[uuid.UUID]:
        """The actors of those who are stood in for."""
        return frozenset(each.actor_id for each in self.stands_in_for)

    @property
    def person_groups(self) -> frozenset[str]:
        """The groups of the same person."""
        return self.groups if self.absent is None else self.absent.groups

    def in_place_of_others(self) -> Iterator[Authority]:
        """Return this in the place of each who is stood in for: their work, and none of the roles
        of either. A substitute's own substitute is nobody's."""
        for each in self.stands_in_for:
            yield dataclasses.replace(
                self, roles=frozenset({Role.MEMBER.value}), stands_in_for=(), absent=each
            )

    @property
    def is_system(self) -> bool:
        """Whether the system itself acts."""
        return self.actor_type == ActorType.SYSTEM

    @property
    def is_operator(self) -> bool:
        """Whether a role allows triggering and repairing compensation, and assigning work."""
        return not OPERATING_ROLES.isdisjoint(self.roles)

    @property
    def only_looks(self) -> bool:
        """Whether this is an auditor without another role, who changes nothing."""
        return not self.is_system and Role.MEMBER not in self.roles

    def ref(self, *, role: str | None = None) -> ActorRef:
        """Return the actor as the ledger names it, with the role that allowed the act."""
        named = "system" if self.is_system else role or strongest(self.roles)
        behalf = None if self.absent is None else self.absent.actor_id
        return ActorRef(self.actor_id, self.actor_type, named, behalf)

    def require_role(self, allowed: Collection[str], sentence: str) -> None:
        """Raise NotPermitted with `sentence` unless one of `allowed` is held. The system passes."""
        if not self.is_system and self.roles.isdisjoint(allowed):
            raise NotPermitted(sentence)


# Whom somebody stands in for is asked by a function (migration 0005), because it is rare: tables
# named here are made ready with every act of everybody.
_AUTHORITY = """
SELECT m.actor_id, a.type, m.roles, m.skills,
       array(SELECT g.name FROM accounts_groupmembership g
             WHERE g.tenant_id = m.tenant_id AND g.membership_id = m.id),
       CASE WHEN EXISTS (
           SELECT FROM accounts_substitution s
           WHERE s.tenant_id = m.tenant_id AND s.substitute_id = m.actor_id
             AND s.ended_at IS NULL AND s.until > %s)
       THEN accounts_stood_in_for(m.tenant_id, m.actor_id, %s)::text END
FROM accounts_membership m
JOIN accounts_actor a ON a.tenant_id = m.tenant_id AND a.id = m.actor_id
JOIN accounts_user u ON u.id = m.user_id
WHERE m.tenant_id = %s AND m.id = %s AND m.is_active AND u.is_active AND a.is_active
"""


def authority_of(acting_user: ActingUser) -> Authority:
    """Read what `acting_user` may do now: one statement, in the caller's tenant transaction.

    Raises NotPermitted when the membership is gone or deactivated.
    """
    if acting_user.is_system:
        return _of_system(acting_user)
    return _authority(acting_user, fetched(_AUTHORITY, _asked_of(acting_user)))


def authority_behind(acting_user: ActingUser) -> Callable[[], Authority]:
    """As `authority_of`, read right behind the next statement, the lock of what is acted on: so it
    is as new as that, and costs no exchange of its own."""
    if acting_user.is_system:
        return functools.partial(_of_system, acting_user)
    answer = right_behind(_AUTHORITY, _asked_of(acting_user))

    def authority() -> Authority:
        # A lock of several statements may have waited at a later one: then it is read again.
        if answer.is_newest:
            return _authority(acting_user, answer().rows)
        return authority_of(acting_user)

    return authority


def _of_system(acting_user: ActingUser) -> Authority:
    nothing = frozenset[str]()
    return Authority(
        acting_user.tenant_id, acting_user.actor_id, ActorType.SYSTEM, nothing, nothing
    )


def _asked_of(acting_user: ActingUser) -> list[Any]:
    moment = now()
    return [moment, moment, acting_user.tenant_id, acting_user.membership_id]


def _authority(acting_user: ActingUser, found: Sequence[Sequence[Any]]) -> Authority:
    if not found:
        raise NotPermitted(_("Your membership of this organisation is not active."))
    ((*said, absent),) = found
    others = json.loads(absent) if absent else None
    return authority_read(acting_user.tenant_id, [*said, others])


def authority_read(tenant_id: uuid.UUID, said: Sequence[Any]) -> Authority:
    """Return the authority that the database says: actor, type, roles, skills, groups, and those
    whom they stand in for (`accounts_stood_in_for`), None for nobody."""
    actor_id, actor_type, roles, skills, groups, absent = said
    return Authority(
        tenant_id,
        actor_id,
        actor_type,
        held(roles),
        frozenset(groups),
        frozenset(skills),
        _absent(absent) if absent else (),
    )


def authority_of_member(tenant_id: uuid.UUID, actor_id: uuid.UUID) -> Authority | None:
    """Read what the member that an actor is may do now; None where they are no active member. For
    what somebody asked for earlier and is done in their name."""
    found = Membership.objects.filter(tenant_id=tenant_id, actor_id=actor_id).first()
    if found is None:
        return None
    # Only the membership is asked for.
    member = ActingUser(tenant_id, actor_id, "", "", found.id, found.user_id)
    try:
        return authority_of(member)
    except NotPermitted:
        return None


def _absent(found: list[list[Any]]) -> tuple[Absent, ...]:
    """Return who is stood in for. Who only looks has no work to be done for them; who is no active
    member any more has what names them, and no groups."""
    return tuple(
        Absent(uuid.UUID(actor_id), frozenset(groups if is_active else ()), only_for)
        for actor_id, only_for, roles, is_active, groups in found
        if Role.MEMBER in held(roles)
    )


@functools.lru_cache(maxsize=1024)
def system_of(tenant_id: uuid.UUID) -> ActingUser:
    """Return the tenant's system actor, in whose name handlers work. Never changes once made."""
    with tenant_scope(tenant_id):
        actor_id = Actor.objects.values_list("id", flat=True).get(
            tenant_id=tenant_id, type=ActorType.SYSTEM
        )
    return ActingUser(tenant_id, actor_id, ActorType.SYSTEM, "system")
