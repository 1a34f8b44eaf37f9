"""Policies of retention as a kind of thing: how they are read, shown, and called."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.apps import apps
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import people
from audit.actions.keeping_payloads import PRUNABLE, RETENTION, locked_retention
from audit.words import KIND_WORDS
from ledger.clock import rfc3339
from ledger.erasure.retention import retentions
from ledger.vocabulary import declare_lasting
from people.substituting import tenant_admin
from verbs import words
from verbs.catalogue import offers_json, offers_of
from verbs.subject import Description, Subject, subject_of
from verbs.words import ActionWords, VerbWords
from web.schema import ActionSchema

_TENANT = {
    "retention_set": ActionWords(
        gettext_lazy("Retention set"), gettext_lazy("%(who)s said for how long texts are kept")
    ),
    "retention_ended": ActionWords(
        gettext_lazy("Retention ended"), gettext_lazy("%(who)s ended a policy of retention")
    ),
    "payloads_pruned": ActionWords(
        gettext_lazy("Texts pruned"), gettext_lazy("%(who)s pruned texts under retention")
    ),
}
_VERBS = {
    "set": VerbWords(
        gettext_lazy("Set it"), gettext_lazy("It is set. The first texts go in a day."), "clock",
        "danger",
        fields={
            "kind": (
                gettext_lazy("Kind of entry"),
                gettext_lazy("What entries of erasures keep stays for ever."),
            ),
            "keep": (gettext_lazy("Keep for"), gettext_lazy("A number of days, such as P365D.")),
        },
    ),
    "end": VerbWords(gettext_lazy("End it"), gettext_lazy("Nothing more is pruned."), "x"),
}  # fmt: skip


class RetentionSchema(serializers.Serializer[Any]):
    """For how long payloads of one kind of entry are kept."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=list(PRUNABLE))
    keep = serializers.CharField(help_text="A duration (ISO 8601) in days.")
    pruned = serializers.IntegerField(help_text="How many payloads are gone so far.")
    set_by = serializers.CharField()
    set_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    next_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When it prunes next: first a day after it was set. null once it has ended.",
    )
    trouble = serializers.CharField(
        allow_null=True, help_text="Why it could not go on. It is tried again by itself."
    )
    version = serializers.IntegerField()
    available_actions = ActionSchema(many=True)


def represent_retentions(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return policies as the API shows them: one query."""
    if not rows:
        return []
    named = people(rows[0].tenant_id, [row.set_by_id for row in rows])
    offers = offers_of(subject_of(RETENTION), rows, authority)
    return [
        {
            "id": str(row.id),
            "kind": row.kind,
            "keep": row.keep,
            "pruned": row.pruned,
            "set_by": named[row.set_by_id].username,
            "set_at": rfc3339(row.set_at),
            "ended_at": None if row.ended_at is None else rfc3339(row.ended_at),
            "next_at": None if row.ended_at is not None else rfc3339(row.due_at),
            "trouble": row.last_error or None,
            "version": row.version,
            "available_actions": offers_json(offers[row.id]),
        }
        for row in rows
    ]


def kind_words(kind: str) -> str:
    """Return a kind of entry in words."""
    return str(KIND_WORDS.get(kind, kind))


def _described(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    rows = retentions(tenant_id).filter(id__in=list(ids)).values_list("id", "kind")
    page = reverse("audit:retentions")
    said = _("Retention: %(kind)s")
    return {id_: Description(said % {"kind": kind_words(kind)}, page, icon="clock")
            for id_, kind in rows}  # fmt: skip


def _crumbs(_row: Any) -> list[dict[str, str]]:
    return [{"label": _("Retention"), "url": reverse("audit:retentions")}]


RETENTIONS = Subject(
    subject_type=RETENTION,
    model=apps.get_model("ledger", "Retention"),
    rank=96,
    route="ledger/retention/<uuid:id>",
    locked=locked_retention,
    describe=_described,
    shape=represent_retentions,
    schema=RetentionSchema,
    relations={"tenant_admin": tenant_admin},
    pages="audit:retention",
    crumbs=_crumbs,
)


def register() -> None:
    """Make them known, with their words."""
    words.register_actions("tenant", _TENANT)
    # What was to be pruned, and on whose word.
    declare_lasting("tenant", _TENANT)
    words.register_verbs(RETENTION, _VERBS)
    words.register_choices("kind", {each: KIND_WORDS[each] for each in PRUNABLE})
