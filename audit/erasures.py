"""Erasures and legal holds as kinds of things: how they are read, shown, and called."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.acting import Authority
from accounts.roles import Role
from accounts.selectors import Person, people
from audit.actions.erasing_people import ERASURE, locked_erasure
from audit.actions.legal_holds import HOLD, HOLDABLE, locked_hold
from ledger.clock import rfc3339
from ledger.erasure.held_rows import holds
from ledger.erasure.requests import erasures, receipts
from ledger.errors import NotPermitted
from ledger.vocabulary import declare_lasting
from people.substituting import tenant_admin
from verbs import words
from verbs.catalogue import offers_json, offers_of
from verbs.subject import Description, Subject, subject_of
from verbs.words import ActionWords, VerbWords
from web.schema import ActionSchema

#: What is there in which state, as people read it.
STATES: dict[str, words.Text] = {
    "COUNTING": gettext_lazy("Being counted"),
    "COUNTED": gettext_lazy("Waits to be confirmed"),
    "ERASING": gettext_lazy("Being erased"),
    "HELD": gettext_lazy("Waits for a legal hold"),
    "DONE": gettext_lazy("Erased"),
    "WITHDRAWN": gettext_lazy("Withdrawn"),
}
_ACTOR = {
    "erasure_requested": ActionWords(
        gettext_lazy("Erasure asked for"), gettext_lazy("%(who)s asked for %(what)s to be erased")
    ),
    "erasure_confirmed": ActionWords(
        gettext_lazy("Erasure confirmed"), gettext_lazy("%(who)s had %(what)s erased")
    ),
    "erasure_withdrawn": ActionWords(
        gettext_lazy("Erasure withdrawn"), gettext_lazy("%(who)s let the erasure of %(what)s be")
    ),
    "erased": ActionWords(gettext_lazy("Erased"), gettext_lazy("%(what)s was erased")),
}
_TENANT = {
    "hold_placed": ActionWords(
        gettext_lazy("Legal hold placed"), gettext_lazy("%(who)s placed a legal hold")
    ),
    "hold_lifted": ActionWords(
        gettext_lazy("Legal hold lifted"), gettext_lazy("%(who)s lifted a legal hold")
    ),
}
_WHY = {"reason": (gettext_lazy("Why"), gettext_lazy("It is erased with the rest."))}
_VERBS = {
    "request": VerbWords(
        gettext_lazy("Count what is kept"), gettext_lazy("It is being counted."), "eraser",
        fields={
            "person": (gettext_lazy("Person"), gettext_lazy("A username.")),
            **_WHY,
            "also_called": (
                gettext_lazy("Also called"),
                gettext_lazy("What else says who they are: a former name, a telephone number."),
            ),
        },
    ),
    "confirm": VerbWords(
        gettext_lazy("Erase for good"), gettext_lazy("It is being erased."), "eraser", "danger",
        intro=gettext_lazy("They are shut out at once. What is erased cannot be brought back; the"
                           " hashes stay, and prove what was there."),
        submit=gettext_lazy("Erase for good"),
    ),
    "withdraw": VerbWords(gettext_lazy("Let it be"), gettext_lazy("Nothing was erased."), "x"),
}  # fmt: skip
_HOLD_VERBS = {
    "place": VerbWords(
        gettext_lazy("Place a legal hold"), gettext_lazy("It is held."), "lock",
        fields={
            "subject": (gettext_lazy("What is held"), gettext_lazy("The address of its page.")),
            "reason": (gettext_lazy("Why"), ""),
        },
    ),
    "lift": VerbWords(
        gettext_lazy("Lift the hold"), gettext_lazy("It is held no more."), "lock-open", "danger",
        intro=gettext_lazy("Erasures that were waiting for this go on at once."),
        submit=gettext_lazy("Lift the hold"),
        fields={"reason": (gettext_lazy("Why"), "")},
    ),
}  # fmt: skip


class ReceiptSchema(serializers.Serializer[Any]):
    """The receipt of what is gone: no identity, only tokens, counts, time and a hash."""

    id = serializers.UUIDField()
    actor = serializers.UUIDField(allow_null=True, help_text="A token that stands for nobody now.")
    confirmed_by = serializers.UUIDField(allow_null=True)
    basis = serializers.CharField()
    counts = serializers.DictField()
    at = serializers.DateTimeField()
    hash = serializers.CharField(help_text="SHA-256 of the rest, in canonical form (RFC 8785).")


class ErasureSchema(serializers.Serializer[Any]):
    """A request to erase a person, what there is to erase, and how far it has come."""

    id = serializers.UUIDField()
    person = serializers.CharField(help_text="A username; once erased, what is left of a token.")
    actor = serializers.UUIDField()
    status = serializers.ChoiceField(choices=sorted(STATES))
    reason = serializers.CharField()
    will_erase = serializers.DictField(help_text="How many rows, by kind, as they were counted.")
    held = serializers.DictField(help_text="How many rows a legal hold keeps, by kind.")
    erased = serializers.DictField(help_text="How many are gone so far, by kind.")
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    confirmed_by = serializers.CharField(allow_null=True)
    confirmed_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    trouble = serializers.CharField(
        allow_null=True, help_text="Why it could not go on. It is tried again by itself."
    )
    receipt = ReceiptSchema(allow_null=True)
    version = serializers.IntegerField()
    available_actions = ActionSchema(many=True)


class HoldSchema(serializers.Serializer[Any]):
    """A legal hold: what is held, why, and until when it was."""

    id = serializers.UUIDField()
    subject = serializers.DictField()
    reason = serializers.CharField()
    placed_by = serializers.CharField()
    placed_at = serializers.DateTimeField()
    lifted_by = serializers.CharField(allow_null=True)
    lifted_at = serializers.DateTimeField(allow_null=True)
    lifted_reason = serializers.CharField(allow_null=True)
    version = serializers.IntegerField()
    available_actions = ActionSchema(many=True)


def may_read(authority: Authority) -> bool:
    """Return whether somebody may read of erasures: tenant admins and auditors may."""
    return not authority.roles.isdisjoint({Role.TENANT_ADMIN.value, Role.AUDITOR.value})


def check_may_read(authority: Authority) -> None:
    """Raise NotPermitted for who may not read of erasures."""
    if not may_read(authority):
        raise NotPermitted(_("Tenant admins and auditors read of erasures."))


def represent_erasures(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return erasures as the API shows them: two queries."""
    if not rows:
        return []
    tenant_id = rows[0].tenant_id
    named = people(tenant_id, (each for row in rows for each in _people_of(row)))
    ended = {each.id: each for each in receipts(tenant_id).filter(id__in=[r.id for r in rows])}
    offers = offers_of(subject_of(ERASURE), rows, authority)
    return [
        {
            "id": str(row.id),
            "person": _name(named, row.actor_id),
            "actor": str(row.actor_id),
            "status": row.state,
            "reason": row.reason,
            "will_erase": row.found,
            "held": row.kept,
            "erased": row.erased,
            "requested_by": _name(named, row.requested_by_id),
            "requested_at": rfc3339(row.requested_at),
            "confirmed_by": _name(named, row.confirmed_by_id),
            "confirmed_at": _moment(row.confirmed_at),
            "ended_at": _moment(row.ended_at),
            "trouble": row.last_error or None,
            "receipt": _receipt(ended.get(row.id)),
            "version": row.version,
            "available_actions": offers_json(offers[row.id]),
        }
        for row in rows
    ]


def represent_holds(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return legal holds as the API shows them: one query."""
    if not rows:
        return []
    ids = (each for row in rows for each in (row.placed_by_id, row.lifted_by_id))
    named = people(rows[0].tenant_id, ids)
    offers = offers_of(subject_of(HOLD), rows, authority)
    return [
        {
            "id": str(row.id),
            "subject": {"type": row.subject_type, "id": str(row.subject_id)},
            "reason": row.reason,
            "placed_by": _name(named, row.placed_by_id),
            "placed_at": rfc3339(row.placed_at),
            "lifted_by": _name(named, row.lifted_by_id),
            "lifted_at": _moment(row.lifted_at),
            "lifted_reason": row.lifted_reason or None,
            "version": row.version,
            "available_actions": offers_json(offers[row.id]),
        }
        for row in rows
    ]


def _people_of(row: Any) -> tuple[uuid.UUID | None, ...]:
    return row.actor_id, row.requested_by_id, row.confirmed_by_id


def _name(named: Mapping[uuid.UUID, Person], actor_id: uuid.UUID | None) -> str | None:
    if actor_id is None:
        return None
    person = named.get(actor_id)
    return str(actor_id) if person is None else person.username


def _moment(at: Any) -> str | None:
    return None if at is None else rfc3339(at)


def _receipt(row: Any) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "id": str(row.id),
        "actor": None if row.actor_id is None else str(row.actor_id),
        "confirmed_by": None if row.confirmed_by_id is None else str(row.confirmed_by_id),
        "basis": row.basis,
        "counts": row.counts,
        "at": rfc3339(row.at),
        "hash": bytes(row.hash).hex(),
    }


def _erasures_called(
    tenant_id: uuid.UUID, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Description]:
    rows = list(erasures(tenant_id).filter(id__in=list(ids)))
    named = people(tenant_id, (row.actor_id for row in rows))
    return {
        row.id: Description(
            _("Erasure of %(who)s") % {"who": named[row.actor_id].name},
            reverse("audit:erasure", args=[row.id]), row.state, icon="eraser",
        )
        for row in rows
    }  # fmt: skip


def _holds_called(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    found = holds(tenant_id).filter(id__in=list(ids)).values_list("id", flat=True)
    return {id_: Description(_("Legal hold"), reverse("audit:erasures"), icon="lock")
            for id_ in found}  # fmt: skip


def _erasure_crumbs(row: Any) -> list[dict[str, str]]:
    return [
        {"label": _("Erasures"), "url": reverse("audit:erasures")},
        {"label": _("Erasure"), "url": reverse("audit:erasure", args=[row.id])},
    ]


def _hold_crumbs(_row: Any) -> list[dict[str, str]]:
    return [{"label": _("Erasures"), "url": reverse("audit:erasures")}]


ERASURES = Subject(
    subject_type=ERASURE,
    model=apps.get_model("ledger", "Erasure"),
    rank=95,
    route="ledger/erasures/<uuid:id>",
    locked=locked_erasure,
    describe=_erasures_called,
    shape=represent_erasures,
    schema=ErasureSchema,
    relations={"tenant_admin": tenant_admin},
    pages="audit:erasure",
    crumbs=_erasure_crumbs,
)
HOLDS = Subject(
    subject_type=HOLD,
    model=apps.get_model("ledger", "LegalHold"),
    rank=96,
    route="ledger/legal-holds/<uuid:id>",
    locked=locked_hold,
    describe=_holds_called,
    shape=represent_holds,
    schema=HoldSchema,
    relations={"tenant_admin": tenant_admin},
    pages="audit:hold",
    crumbs=_hold_crumbs,
)
__all__ = ["ERASURES", "HOLDABLE", "HOLDS", "register"]


def register() -> None:
    """Make both known, with their words."""
    words.register_actions("actor", _ACTOR)
    words.register_actions("tenant", _TENANT)
    # What was erased or held, and on whose word.
    declare_lasting("actor", _ACTOR)
    declare_lasting("tenant", _TENANT)
    words.register_verbs(ERASURE, _VERBS)
    words.register_verbs(HOLD, _HOLD_VERBS)
