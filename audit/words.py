"""Words for the kinds of entries, which are the ledger's own."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from verbs.words import Text

KIND_WORDS: dict[str, Text] = {
    "TRANSITION": _("Work"),
    "COMPENSATION": _("Undo"),
    "REFUSAL": _("Refusal"),
    "GOVERNANCE": _("Approval"),
    "MESSAGE": _("Message"),
    "ATTESTATION": _("Attestation"),
    "ADMIN": _("Administration"),
    "DELIVERY": _("Delivery"),
    "ERASURE": _("Erasure"),
}
