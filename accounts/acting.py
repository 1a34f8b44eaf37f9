"""Who acts, and with what authority at this moment.

An `ActingUser` is what a request or a handler brings along: identity, fixed at login. An
`Authority` is what the database says inside the verb's transaction: a role that was taken away a
second ago is gone, whatever the token remembers.
"""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Collection

from django.utils.translation import gettext as _

from accounts.models import Actor
from accounts.roles import OPERATING_ROLES, ActorType, Role, held, strongest
from ledger.errors import NotPermitted
from ledger.record import ActorRef
from ledger.statements import fetched
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
class Authority:
    """What the acting user may do now, as the verb's own transaction read it."""

    actor_id: uuid.UUID
    actor_type: str
    roles: frozenset[str]
    groups: frozenset[str]

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
        return ActorRef(self.actor_id, self.actor_type, named)

    def require_role(self, allowed: Collection[str], sentence: str) -> None:
        """Raise NotPermitted with `sentence` unless one of `allowed` is held. The system passes."""
        if not self.is_system and self.roles.isdisjoint(allowed):
            raise NotPermitted(sentence)


_AUTHORITY = """
SELECT m.actor_id, a.type, m.roles,
       array(SELECT g.name FROM accounts_groupmembership g
             WHERE g.tenant_id = m.tenant_id AND g.membership_id = m.id)
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
        return Authority(acting_user.actor_id, ActorType.SYSTEM, frozenset(), frozenset())
    found = fetched(_AUTHORITY, [acting_user.tenant_id, acting_user.membership_id])
    if not found:
        raise NotPermitted(_("Your membership of this organisation is not active."))
    ((actor_id, actor_type, roles, groups),) = found
    return Authority(actor_id, actor_type, held(roles), frozenset(groups))


@functools.lru_cache(maxsize=1024)
def system_of(tenant_id: uuid.UUID) -> ActingUser:
    """Return the tenant's system actor, in whose name handlers work. Never changes once made."""
    with tenant_scope(tenant_id):
        actor_id = Actor.objects.values_list("id", flat=True).get(
            tenant_id=tenant_id, type=ActorType.SYSTEM
        )
    return ActingUser(tenant_id, actor_id, ActorType.SYSTEM, "system")
