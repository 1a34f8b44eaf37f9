"""Members and tokens as JSON, and the OpenAPI of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import ActingUser, Authority
from accounts.actions import IssuedToken
from accounts.managed_people import memberships_of
from accounts.roles import ActorType, Role
from accounts.selectors import people_of
from ledger.clock import rfc3339
from people.actions import MEMBER
from people.token_verbs import TOKEN
from verbs.catalogue import offers_json, offers_of
from verbs.subject import ResultShape, subject_of
from web.schema import ActionSchema
from web.verb_api import address

Schema = serializers.Serializer[Any]


class MemberSchema(Schema):
    """A member of the organisation, present or past. Its id is the actor of the ledger."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=[ActorType.HUMAN.value, ActorType.AGENT.value])
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.values))
    groups = serializers.ListField(child=serializers.CharField())
    skills = serializers.ListField(
        child=serializers.CharField(), help_text="What they are able to do, as work asks for it."
    )
    is_active = serializers.BooleanField(help_text="False: the membership has ended.")
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()
    available_actions = ActionSchema(many=True)


class TokenSchema(Schema):
    """A token that works. Its text is nowhere but in the answer that made it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    member = serializers.CharField(help_text="Whose it is: a username.")
    begins_with = serializers.CharField(help_text="The first characters of its text.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


class MadeTokenSchema(TokenSchema):
    """A token that was just made, with its text: shown this once."""

    token = serializers.CharField(
        allow_null=True, help_text="Null where a request is repeated under its Idempotency-Key."
    )


def represent_members(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of members, given as actors: three queries."""
    beside = memberships_of(rows)
    offers = offers_of(subject_of(MEMBER), rows, authority)
    return [
        {
            "id": str(row.id),
            "username": membership.user.username,
            "name": membership.user.get_full_name() or membership.user.username,
            "type": row.type,
            "roles": sorted(membership.roles),
            "groups": sorted(each.name for each in membership.groups.all()),
            "skills": membership.skills,
            "is_active": membership.is_active,
            "created_at": rfc3339(membership.created_at),
            "version": row.version,
            "available_actions": offers_json(offers[row.id]),
        }
        for row in rows
        for membership in [beside[row.id]]
    ]


def _added(who: ActingUser, authority: Authority) -> dict[str, Any]:
    actor = subject_of(MEMBER).read_one(who.tenant_id, who.actor_id)
    [shape] = represent_members([actor], authority)
    return shape


def represent_tokens(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of tokens, read with their memberships: one query."""
    named = people_of(rows, (row.membership.actor_id for row in rows))
    return [
        {
            "id": str(row.public_id),
            "name": row.name,
            "member": named[row.membership.actor_id].username,
            "begins_with": row.token_key,
            "created_at": rfc3339(row.created),
            "expires_at": None if row.expiry is None else rfc3339(row.expiry),
            "available_actions": offers_json(
                offers_of(subject_of(TOKEN), [row], authority)[row.pk]
            ),
        }
        for row in rows
    ]


def _made(made: IssuedToken, authority: Authority) -> dict[str, Any]:
    [shape] = represent_tokens([made.row], authority)
    return {**shape, "token": made.text}


#: What verbs answer with that is not their subject.
ADDED = ResultShape(
    shape=_added,
    schema=MemberSchema,
    tag=lambda _who: 1,
    place=lambda who: address(subject_of(MEMBER), who.actor_id),
)
MADE = ResultShape(
    shape=_made,
    schema=MadeTokenSchema,
    tag=lambda _made: None,
    place=lambda made: address(subject_of(TOKEN), made.row.public_id),
    secret=("token",),
)
