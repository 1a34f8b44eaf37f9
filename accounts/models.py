"""Users, and what they are in each tenant: actor, membership, groups, tokens.

A user is a person or service account of the installation and belongs to no tenant. Everything else
is a tenant's. The domain and the ledger know an **actor** only: a random token. The one place that
maps an actor to a user is this app, and erasing a person means erasing that mapping.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.utils.translation import gettext as _
from knox.models import AbstractAuthToken
from typing_extensions import override

from accounts.roles import ActorType
from ledger.ids import new_id, new_token


class User(AbstractUser):
    """Someone who can sign in. Rights come from memberships, never from the user."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # How pages speak to this person; empty: as the browser asks, and in the installation's zone.
    language = models.TextField(default="", db_default="", blank=True)
    time_zone = models.TextField(default="", db_default="", blank=True)

    # Not a column: roles in the tenant that the present request has chosen; none outside a request.
    held_roles: frozenset[str] = frozenset()
    # Not a column: the places of a user whom a session was opened for, read with them.
    places: Sequence[Any] | None = None


class Tenant(models.Model):
    """An organisation whose work, people and ledger are kept apart from all others."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(unique=True)
    name = models.TextField()
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return self.name


class Actor(models.Model):
    """A person, agent or system within one tenant, as the domain and the ledger know it.

    `user` is the erasable mapping; `version` counts the ADMIN entries about this actor.
    """

    id = models.UUIDField(primary_key=True, default=new_token, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_constraint=False, related_name="+")
    type = models.TextField(choices=ActorType.choices)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="actors")
    is_active = models.BooleanField(default=True)
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user"], name="accounts_actor_once"),
            models.UniqueConstraint(
                fields=["tenant"],
                name="accounts_actor_one_system",
                condition=models.Q(type="SYSTEM"),
            ),
        ]

    @override
    def __str__(self) -> str:
        return str(self.user) if self.user_id else f"{self.type.lower()}-{str(self.id)[:8]}"


class Membership(models.Model):
    """What a user may do in one tenant. Deactivated, never deleted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_constraint=False, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    actor = models.ForeignKey(Actor, models.PROTECT, db_constraint=False, related_name="+")
    roles = ArrayField(models.TextField())
    # What the member is able to do, as work asks for it.
    skills = ArrayField(models.TextField(), default=list, db_default=[])
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user"], name="accounts_membership_once"),
        ]

    @override
    def __str__(self) -> str:
        return str(self.actor)


class GroupMembership(models.Model):
    """A member's place in a candidate group. A group is its name; it exists while named."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_constraint=False, related_name="+")
    membership = models.ForeignKey(
        Membership, models.CASCADE, db_constraint=False, related_name="groups"
    )
    name = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "membership", "name"], name="accounts_group_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "name"], name="accounts_group_name")]


class ApiToken(AbstractAuthToken):
    """A hashed, expiring token of one membership: it selects the tenant, no header does."""

    tenant = models.ForeignKey(Tenant, models.PROTECT, db_constraint=False, related_name="+")
    membership = models.ForeignKey(
        Membership, models.CASCADE, db_constraint=False, related_name="tokens"
    )
    name = models.TextField(default="")
    # What people and programs name it by: the hash, its key, says too much.
    public_id = models.UUIDField(default=new_id, db_default=RandomUUID(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "public_id"], name="accounts_token_once")
        ]


class Substitution(models.Model):
    """Who stands in for whom, from when until when. `group_name`: for the work of that group alone,
    "" for all that the person may do with work. Ended, never deleted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_constraint=False, related_name="+")
    person = models.ForeignKey(Actor, models.PROTECT, db_constraint=False, related_name="+")
    substitute = models.ForeignKey(Actor, models.PROTECT, db_constraint=False, related_name="+")
    group_name = models.TextField(default="", blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField()
    version = models.IntegerField(default=1)
    created_by = models.ForeignKey(Actor, models.PROTECT, db_constraint=False, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(person=models.F("substitute")),
                name="accounts_substitution_of_another",
            ),
            models.CheckConstraint(
                condition=models.Q(since__lt=models.F("until")), name="accounts_substitution_dates"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "-created_at", "-id"], name="accounts_substitution_list"
            ),
            # Asked with every act of everybody, and whenever somebody is not here.
            models.Index(
                fields=["tenant", "substitute", "until"],
                name="accounts_substitution_by",
                condition=models.Q(ended_at=None),
            ),
            models.Index(
                fields=["tenant", "person", "until"],
                name="accounts_substitution_of",
                condition=models.Q(ended_at=None),
            ),
        ]

    @override
    def __str__(self) -> str:
        return _("%(substitute)s for %(person)s") % {
            "substitute": self.substitute, "person": self.person
        }  # fmt: skip


class SignatureKey(models.Model):
    """A public key (Ed25519) by which a member signs entries. Retired, or reported as compromised
    since a moment, never deleted: what it signed before stays signed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_constraint=False, related_name="+")
    actor = models.ForeignKey(Actor, models.PROTECT, db_constraint=False, related_name="+")
    name = models.TextField()
    public_key = models.BinaryField()
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)
    compromised_since = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "public_key"], name="accounts_signature_key_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="accounts_signature_keys"),
            models.Index(fields=["tenant", "actor"], name="accounts_signature_keys_of"),
        ]

    @override
    def __str__(self) -> str:
        return self.name
