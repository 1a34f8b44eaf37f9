"""Attestations of entries: how they are read, shown and said, and entries as a kind of thing that
can be attested."""

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
from accounts.selectors import people
from audit.actions.attesting import (
    ACTIONS,
    ATTESTABLE,
    VERDICTS,
    approver,
    attestable,
    auditor,
    locked_entry,
)
from audit.actions.entry_signing import signer
from audit.actions.said_of_entries import KIND
from audit.entry_verdicts import (
    EntrySignature,
    gone,
    keys_in,
    overall,
    signed_by,
    signing,
    worth,
)
from compensation.sentences import shown_in
from ledger.clock import rfc3339
from ledger.entry_signatures import INVALID, PAYLOAD, SIGNED, SUSPECT, UNSIGNED, VALID
from ledger.selectors import Entry, all_entries, entries_by_id, open_entries, with_payloads
from verbs import catalogue, words
from verbs.subject import Description, ResultShape, Subject
from verbs.words import ActionWords, VerbWords, choice_words
from web.entries import ENTRY, entry_url, ledger_url
from web.verb_pages import button

_SHOWN = 50
_LABELS = {
    "ENDORSED": gettext_lazy("Endorsed"),
    "CHALLENGED": gettext_lazy("Challenged"),
    "FLAGGED": gettext_lazy("Flagged"),
}
_SIGNED = {
    "signed": ActionWords(
        gettext_lazy("Signed"), gettext_lazy("%(who)s signed an entry about %(what)s")
    ),
}
_SENTENCES = {
    "endorsed": ActionWords(
        _LABELS["ENDORSED"], gettext_lazy("%(who)s vouched for an entry about %(what)s")
    ),
    "challenged": ActionWords(
        _LABELS["CHALLENGED"], gettext_lazy("%(who)s doubted an entry about %(what)s")
    ),
    "flagged": ActionWords(
        _LABELS["FLAGGED"], gettext_lazy("%(who)s flagged an entry about %(what)s")
    ),
}
_WORTH = {
    VALID: gettext_lazy("signature valid"),
    INVALID: gettext_lazy("signature invalid"),
    SUSPECT: gettext_lazy("signature suspect: its key was compromised by then"),
    UNSIGNED: gettext_lazy("not signed"),
}
_VERB = VerbWords(
    gettext_lazy("Attest"),
    done=gettext_lazy("It is recorded."),
    icon="shield-check",
    intro=gettext_lazy("What you say becomes an entry of its own. It changes nothing else."),
    submit=gettext_lazy("Record it"),
    fields={"verdict": (gettext_lazy("What you say"), "")},
)


class SignatureSchema(serializers.Serializer[Any]):
    """A signature of an entry, and what it is worth now."""

    verdict = serializers.ChoiceField(
        choices=sorted((INVALID, SUSPECT, UNSIGNED, VALID)), help_text="`unsigned`: it was erased."
    )
    means = serializers.ChoiceField(
        choices=sorted({SIGNED, *VERDICTS}), help_text="The word that is signed with the hash."
    )
    key = serializers.UUIDField(allow_null=True)
    public_key = serializers.CharField(allow_null=True)
    signature = serializers.CharField(allow_null=True)
    recorded_at = serializers.DateTimeField()
    recorded_as = serializers.UUIDField(help_text="The entry that keeps it.")


class AttestationSchema(serializers.Serializer[Any]):
    """What somebody said of an entry. `entry` is the one that it is about, as it was hashed."""

    id = serializers.UUIDField()
    entry = serializers.DictField()
    verdict = serializers.ChoiceField(choices=sorted(ACTIONS))
    evidence = serializers.CharField(allow_null=True, help_text="Null once it is erased.")
    signature = SignatureSchema(allow_null=True)
    actor = serializers.CharField(allow_null=True)
    actor_role = serializers.CharField()
    at = serializers.DateTimeField()
    hash = serializers.CharField()


def attestation_rows(tenant_id: uuid.UUID, entry_id: uuid.UUID) -> Any:
    """Return the queryset of what was said of an entry. Runs in the caller's tenant scope."""
    rows = all_entries(tenant_id).filter(caused_by_id=entry_id, kind=KIND)
    return rows.filter(action__in=list(VERDICTS))


def signature_rows(tenant_id: uuid.UUID, entry_id: uuid.UUID) -> Any:
    """Return the queryset of the signatures of an entry by its author. In the tenant's scope."""
    return all_entries(tenant_id).filter(signing([entry_id]))


def represent_signatures(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return signatures as the API shows them, in the same order; of one that was erased nothing
    is left but that there was one. One query for the keys."""
    found, known = _with_signed(rows)
    keys = keys_in(found[0].tenant_id, found) if found else {}
    return [(worth(each, keys, known) or gone(each)).to_json() for each in found]


def represent_attestations(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return attestations as the API shows them, in the same order; people in one query, and the
    keys in another where one is signed."""
    found, known = _with_signed(rows)
    named = people(found[0].tenant_id, [each.actor_id for each in found]) if found else {}
    keys = keys_in(found[0].tenant_id, found) if found else {}
    return [_shape(each, named, worth(each, keys, known)) for each in found]


def _with_signed(rows: Sequence[Any]) -> tuple[list[Entry], dict[uuid.UUID, Entry]]:
    """Return rows as entries, in the same order, and by id these and those that they are about: one
    query."""
    if not rows:
        return [], {}
    ids = {id_ for row in rows for id_ in (row.id, row.caused_by_id) if id_ is not None}
    known = entries_by_id(rows[0].tenant_id, ids, only=["evidence", PAYLOAD])
    return [known[row.id] for row in rows], known


def _shape(
    entry: Entry, named: Mapping[uuid.UUID, Any], signature: EntrySignature | None
) -> dict[str, Any]:
    about, person = entry.caused_by, named.get(entry.actor_id)
    return {
        "id": str(entry.id),
        "entry": None if about is None else {"id": str(about.id), "hash": about.hash.hex()},
        "verdict": VERDICTS[entry.action],
        "evidence": entry.payloads.get("evidence"),
        "signature": signature and signature.to_json(),
        "actor": str(entry.actor_id) if person is None else person.username,
        "actor_role": entry.actor_role,
        "at": rfc3339(entry.at),
        "hash": entry.hash.hex(),
    }


def shown_attestations(entry: Entry) -> dict[str, Any]:
    """Return the newest of what was said of an entry, and what its signatures are worth, as
    audit/entry.html shows it: three queries at most."""
    known = _newest_about(entry)
    said = [each for each in known if each.caused_by is not None and each.caused_by.id == entry.id]
    named = people(entry.tenant_id, [each.actor_id for each in said]) if said else {}
    keys = keys_in(entry.tenant_id, [entry, *said])
    by_id = {each.id: each for each in [entry, *known]}
    worths = {each.id: found for each in [entry, *said] if (found := worth(each, keys, by_id))}
    own = [entry, *(each for each in said if each.action == SIGNED)]
    return {
        "attestations": [
            _shown(each, named, worths.get(each.id)) for each in said if each.action != SIGNED
        ],
        "signatures": [_signed(worths[each.id]) for each in own if each.id in worths],
        "signed": overall([worths[each.id] for each in own if each.id in worths]),
    }


def _newest_about(entry: Entry) -> list[Entry]:
    """Return the newest of what was said of an entry, and of its author's signatures, and what it
    signs itself; newest first and in one query. So many of each: who signs often hides no doubt."""
    rows = all_entries(entry.tenant_id).filter(caused_by_id=entry.id, kind=KIND)
    rows = with_payloads(rows.order_by("-at", "-id"))
    parts = [rows.filter(action=SIGNED)[:_SHOWN]]
    if signed := signed_by([entry]):
        parts.append(with_payloads(all_entries(entry.tenant_id).filter(id__in=signed)))
    found = rows.filter(action__in=list(VERDICTS))[:_SHOWN].union(*parts, all=True)
    return sorted(open_entries(found), key=lambda each: (each.at, each.id), reverse=True)


def _shown(
    entry: Entry, named: Mapping[uuid.UUID, Any], signature: EntrySignature | None
) -> dict[str, Any]:
    return {
        "label": str(choice_words("verdict", VERDICTS[entry.action])),
        "verdict": VERDICTS[entry.action],
        "actor": shown_in(named, entry.actor_id),
        "at": entry.at,
        "url": entry_url(entry.id),
        "evidence": entry.payloads.get("evidence", ""),
        "erased": "evidence" in entry.erased,
        "signature": "" if signature is None else said_of_verdict(signature.verdict),
    }


def _signed(found: EntrySignature) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "label": said_of_verdict(found.verdict),
        "key": "" if found.key is None else found.key.name,
        "at": found.entry.at,
        "url": entry_url(found.entry.id),
    }


def said_of_verdict(verdict: str) -> str:
    """Return in words what signatures are worth."""
    return str(_WORTH[verdict])


def _described(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    return {id_: Description(_("Ledger entry"), reverse("audit:entry", args=[id_])) for id_ in ids}


def _crumbs(entry: Any) -> list[dict[str, str]]:
    return [
        {"label": _("Ledger"), "url": ledger_url(entry.subject_type, entry.subject_id)},
        {
            "label": _("Entry %(n)s") % {"n": entry.subject_seq},
            "url": reverse("audit:entry", args=[entry.id]),
        },
    ]


def _one(row: Any, _authority: Authority) -> dict[str, Any]:
    return represent_attestations([row])[0]


def _one_signature(row: Any, _authority: Authority) -> dict[str, Any]:
    return represent_signatures([row])[0]


ENTRY_SUBJECT = Subject(
    subject_type=ENTRY,
    model=apps.get_model("ledger", "LedgerEntry"),
    route="ledger/entries/<uuid:id>",
    locked=locked_entry,
    describe=lambda _tenant_id, ids: _described(ids),
    relations={"auditor": auditor, "approver": approver, "signer": signer},
    versioned=None,
    results={
        "attest": ResultShape(shape=_one, schema=AttestationSchema),
        "sign": ResultShape(shape=_one_signature, schema=SignatureSchema),
    },
    pages="audit:entry",
    crumbs=_crumbs,
)


def attest_buttons(entry: Entry, authority: Authority) -> list[dict[str, Any]]:
    """Return `actions` of components/actions.html for an entry: none about what cannot be locked,
    and none for those who may not."""
    if not attestable(entry.subject_type):
        return []
    found = catalogue.offers(ENTRY_SUBJECT, entry, authority, None)
    return [
        button(verb, [entry.id], offer)
        for offer in found
        if offer.allowed and (verb := catalogue.find(ENTRY, offer.action)).page
    ]


def register() -> None:
    """Declare what can be said of entries, about whatever they are, and how it reads."""
    for subject_type in sorted(ATTESTABLE):
        words.register_actions(subject_type, {**_SENTENCES, **_SIGNED})
    words.register_choices("verdict", _LABELS)
    sign = VerbWords(gettext_lazy("Sign"), gettext_lazy("It is signed."), "key-round")
    words.register_verbs(ENTRY, {"attest": _VERB, "sign": sign})
