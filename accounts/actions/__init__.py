"""What changes identity: tenants, members, roles, groups, tokens. Each writes an ADMIN entry.

Subject of an entry is the tenant or the actor; the actor's row is locked and its version rises with
each. Names and addresses never enter an entry's envelope. Tenants, users and one's own tokens are
made here from the start; what is done to members are verbs of `people`, in whose transaction the
functions about them run.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import uuid
import zoneinfo
from collections.abc import Callable, Collection

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext

from accounts.acting import ActingUser, authority_of
from accounts.actions.actor_entries import note, open_entries_of, state
from accounts.errors import AlreadyMember, LastAdmin
from accounts.models import Actor, ApiToken, GroupMembership, Membership, Tenant, User
from accounts.roles import ActorType, Role
from ledger.clock import now
from ledger.errors import Invalid, NotFound
from ledger.ids import new_id, new_token
from ledger.record import ActorRef, Change, Recorded, record
from ledger.tenancy import set_tenant

TOKEN_LIFETIME = dt.timedelta(days=90)
LONGEST_LIFETIME = dt.timedelta(days=366)
LONGEST_TOKEN_NAME = 100
#: What people call their zone: those of places, and UTC.
ZONES = frozenset(
    name
    for name in zoneinfo.available_timezones()
    if name == "UTC" or ("/" in name and not name.startswith(("Etc/", "posix/", "right/")))
)


def create_user(username: str, *, password: str | None, email: str = "", name: str = "") -> User:
    """Create a user who can sign in (no tenant yet). Without a password: a service account."""
    user = User(username=username, email=email, first_name=name)
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(password)
    user.save(force_insert=True)
    return user


def new_account(username: str, *, name: str, email: str, password: str | None) -> User:
    """Create a user for a new member. Raises Invalid, naming the field of `account`."""
    if User.objects.filter(username=username).exists():
        said = gettext("There is somebody of this name already; let them in as they are.")
        raise Invalid.field("/username", said, code="name_taken")
    user = User(username=username, email=email, first_name=name)
    checks: list[tuple[str, Callable[[], object]]] = [
        ("/username", functools.partial(AbstractUser.username_validator, username))
    ]
    if email:
        checks.append(("/account/email", functools.partial(validate_email, email)))
    if password is not None:
        fits = functools.partial(validate_password, password, user)
        checks.append(("/account/password", fits))
    for pointer, check in checks:
        try:
            check()
        except ValidationError as wrong:
            raise Invalid.field(pointer, " ".join(wrong.messages), code="unfit") from None
    return create_user(username, password=password, email=email, name=name)


def change_preferences(user_id: uuid.UUID, *, language: str, time_zone: str) -> None:
    """Keep how pages speak to a user, in every organisation. Raises Invalid naming the field.

    A user is no tenant's, and how one reads is nobody's business: no entry says so.
    """
    offered = {"language": {code for code, _name in settings.LANGUAGES}, "time_zone": ZONES}
    for name, value in (("language", language), ("time_zone", time_zone)):
        if value and value not in offered[name]:
            raise Invalid.field(
                f"/{name}", gettext("Choose one of those that are offered."), code="unknown"
            )
    User.objects.filter(id=user_id).update(language=language, time_zone=time_zone)


def create_tenant(slug: str, name: str) -> ActingUser:
    """Create a tenant with its system actor and return that actor, who may add the first admin."""
    with transaction.atomic(durable=True):
        tenant_id, actor_id, moment = new_id(), new_token(), now()
        set_tenant(tenant_id)
        Tenant(id=tenant_id, slug=slug, name=name, created_at=moment).save(force_insert=True)
        Actor(id=actor_id, tenant_id=tenant_id, type=ActorType.SYSTEM, created_at=moment).save(
            force_insert=True
        )
        record(
            Change(
                tenant_id=tenant_id,
                subject_type="tenant",
                subject_id=tenant_id,
                version=1,
                kind="ADMIN",
                action="tenant_created",
                actor=ActorRef(actor_id, ActorType.SYSTEM, "system"),
                to_status="ACTIVE",
                opens=True,
                payloads={"name": name, "slug": slug},
            )
        )
    return ActingUser(tenant_id, actor_id, ActorType.SYSTEM, "system")


def add_member(
    tenant_id: uuid.UUID,
    username: str,
    *,
    roles: Collection[str],
    groups: Collection[str],
    actor_type: str,
    by: ActorRef,
) -> ActingUser:
    """Make a user a member and return the new identity.

    Raises Invalid for an unknown user or role, AlreadyMember.
    """
    chosen = _checked_roles(roles)
    # Two admins adding one user at once would both find no membership: the second waits here.
    user = User.objects.select_for_update(of=("self",)).filter(username=username).first()
    if user is None:
        raise Invalid.field("/username", gettext("There is nobody of this name."), code="unknown")
    if Membership.objects.filter(tenant_id=tenant_id, user_id=user.id).exists():
        raise AlreadyMember
    moment = now()
    actor = Actor(tenant_id=tenant_id, type=actor_type, user_id=user.id, created_at=moment)
    actor.save(force_insert=True)
    membership = Membership(
        tenant_id=tenant_id, user_id=user.id, actor=actor, roles=sorted(chosen), created_at=moment
    )
    membership.save(force_insert=True)
    GroupMembership.objects.bulk_create(
        GroupMembership(tenant_id=tenant_id, membership=membership, name=name)
        for name in sorted(set(groups))
    )
    payloads = {"roles": sorted(chosen), "groups": sorted(set(groups))}
    open_entries_of(actor, "member_added", by, payloads)
    return ActingUser(actor.tenant_id, actor.id, actor.type, user.username, membership.id, user.id)


def roles_differ(membership: Membership, roles: Collection[str]) -> bool:
    """Whether these roles are others than a member has. Raises Invalid for one that is none."""
    return _checked_roles(roles) != {*membership.roles, Role.MEMBER.value}


def change_roles(
    actor: Actor, membership: Membership, roles: Collection[str], *, by: ActorRef
) -> None:
    """Replace the roles of a locked member. Raises Invalid, LastAdmin."""
    chosen = _checked_roles(roles)
    if Role.TENANT_ADMIN not in chosen:
        _keep_an_admin(membership)
    before = membership.roles
    membership.roles = sorted(chosen)
    membership.save(update_fields=["roles"])
    note(actor, "roles_changed", by, payloads={"before": before, "after": sorted(chosen)})


def change_skills(
    actor: Actor, membership: Membership, skills: Collection[str], *, by: ActorRef
) -> None:
    """Say what a locked member is able to do. The same again changes nothing."""
    before, chosen = membership.skills, sorted(set(skills))
    if chosen == before:
        return
    membership.skills = chosen
    membership.save(update_fields=["skills"])
    note(actor, "skills_changed", by, payloads={"before": before, "after": chosen})


def change_groups(
    actor: Actor,
    membership: Membership,
    *,
    join: Collection[str],
    leave: Collection[str],
    by: ActorRef,
) -> None:
    """Put a locked member into groups and take them out of others."""
    own = GroupMembership.objects.filter(tenant_id=actor.tenant_id, membership_id=membership.id)
    held = set(own.values_list("name", flat=True))
    joined, left = sorted(set(join) - held), sorted(set(leave) & held)
    if joined:
        GroupMembership.objects.bulk_create(
            GroupMembership(tenant_id=actor.tenant_id, membership=membership, name=name)
            for name in joined
        )
    own.filter(name__in=left).delete()
    for action, names in (("group_joined", joined), ("group_left", left)):
        if names:
            note(actor, action, by, payloads={"groups": names})


def set_active(actor: Actor, membership: Membership, *, active: bool, by: ActorRef) -> None:
    """Deactivate or reactivate a locked member; open tokens stop working at once.

    Raises LastAdmin.
    """
    if membership.is_active == active:
        return
    if not active:
        _keep_an_admin(membership)
    membership.is_active = actor.is_active = active
    membership.save(update_fields=["is_active"])
    action = "member_reactivated" if active else "member_deactivated"
    note(actor, action, by, changed=["is_active"], before=state(active=not active))


def create_token(acting_user: ActingUser, *, name: str = "") -> str:
    """Issue an API token for the acting user's own membership and return it; it is not kept.

    Only its hash is stored. It stops working after 90 days, or with the membership.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        by = authority_of(acting_user)
        actor, membership = lock_member(acting_user.tenant_id, acting_user.membership_id)
        return issue_token(actor, membership, name=name, until=None, by=by.ref()).text


@dataclasses.dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was just made. Its text is kept nowhere."""

    row: ApiToken
    text: str


def issue_token(
    actor: Actor, membership: Membership, *, name: str, until: dt.datetime | None, by: ActorRef
) -> IssuedToken:
    """Make a token of a locked member; it works for 90 days unless it is said until when. Raises
    Invalid."""
    if len(name) > LONGEST_TOKEN_NAME:
        said = gettext("Use at most %(n)d characters.") % {"n": LONGEST_TOKEN_NAME}
        raise Invalid.field("/name", said, code="too_long")
    lifetime = TOKEN_LIFETIME if until is None else until - now()
    if lifetime <= dt.timedelta():
        raise Invalid.field("/expires_at", gettext("must lie in the future"), code="past")
    if lifetime > LONGEST_LIFETIME:
        said = gettext("must lie within %(n)d days") % {"n": LONGEST_LIFETIME.days}
        raise Invalid.field("/expires_at", said, code="too_late")
    row, text = ApiToken.objects.create(  # type: ignore[no-untyped-call]  # knox is untyped
        user=membership.user,
        expiry=lifetime,
        tenant_id=membership.tenant_id,
        membership_id=membership.id,
        name=name,
    )
    note(actor, "token_created", by, payloads={"name": name})
    return IssuedToken(row, str(text))


def end_token(actor: Actor, token: ApiToken, *, by: ActorRef) -> None:
    """End a token of a locked member at once."""
    ApiToken.objects.filter(tenant_id=token.tenant_id, digest=token.digest).delete()
    note(actor, "token_revoked", by, payloads={"name": token.name})


def _checked_roles(roles: Collection[str]) -> set[str]:
    unknown = sorted(set(roles) - set(Role.values))
    if unknown:
        said = gettext("unknown role %(name)r; known: %(known)s")
        known = {"name": unknown[0], "known": ", ".join(Role.values)}
        raise Invalid.field("/roles", said % known)
    return set(roles) | {Role.MEMBER.value}


def lock_member(tenant_id: uuid.UUID, membership_id: uuid.UUID | None) -> tuple[Actor, Membership]:
    """Lock a member's actor and read the membership, by the id of either. Raises NotFound.

    The lock closes the race of two changes reading the same actor version and chain head.
    """
    if membership_id is None:
        raise NotFound
    either = Q(id=membership_id) | Q(actor_id=membership_id)
    members = Membership.objects.filter(either, tenant_id=tenant_id)
    actors = Actor.objects.filter(tenant_id=tenant_id, id__in=members.values("actor_id"))
    actor = actors.select_for_update(of=("self",)).first()
    if actor is None:
        raise NotFound
    return actor, members.select_related("user").get()


def _keep_an_admin(membership: Membership) -> None:
    if Role.TENANT_ADMIN not in membership.roles:
        return
    # Two admins removing each other would both see one left: the second waits here.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [str(membership.tenant_id)]
        )
    others = Membership.objects.filter(
        tenant_id=membership.tenant_id, roles__contains=[Role.TENANT_ADMIN], is_active=True
    )
    if not others.exclude(id=membership.id).exists():
        raise LastAdmin


def lock_tenant(tenant_id: uuid.UUID) -> Tenant:
    """Lock a tenant's row for `note_on_tenant`, in the caller's transaction.

    Before any insert: one takes a share of this row's lock (FOR KEY SHARE, by its foreign key), and
    two that hold a share and both want all of it wait for each other. This lock gets along with it.
    """
    return Tenant.objects.select_for_update(no_key=True).get(id=tenant_id)


def note_on_tenant(
    tenant_id: uuid.UUID,
    action: str,
    *,
    by: ActorRef,
    payloads: dict[str, object],
    kind: str = "ADMIN",
) -> Recorded:
    """Record what concerns the whole tenant for an app above, in the caller's transaction."""
    tenant = lock_tenant(tenant_id)
    tenant.version += 1
    tenant.save(update_fields=["version"])
    return record(
        Change(
            tenant_id=tenant_id,
            subject_type="tenant",
            subject_id=tenant_id,
            version=tenant.version,
            kind=kind,
            action=action,
            actor=by,
            from_status="ACTIVE",
            to_status="ACTIVE",
            payloads=payloads,
        )
    )
