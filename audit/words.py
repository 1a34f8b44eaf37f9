"""Words for the kinds of entries, which are the ledger's own."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ledger.vocabulary import actions_of, all_actions
from verbs.words import Text, action_label

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


def action_choices(subject_type: str | None) -> dict[str, str]:
    """Return what there is to choose, each once: of one kind of thing, if one has been chosen.

    Actions that read the same are one choice.
    """
    known = all_actions() if subject_type is None else actions_of(subject_type)
    alike: dict[str, list[str]] = {}
    for action in known:
        alike.setdefault(action_label(action, subject_type or ""), []).append(action)
    return {str(one_choice(frozenset(actions))): label for label, actions in alike.items()}


def one_choice(actions: frozenset[str] | None) -> str | None:
    """Return several actions as the one value of a choice."""
    return None if actions is None else ",".join(sorted(actions))
