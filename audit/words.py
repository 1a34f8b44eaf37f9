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

#: What is wrong with the first bad entry, or with the tree (`ledger.broken.Kind`).
BROKEN_WORDS: dict[str, Text] = {
    "bytes": _("its bytes were changed"),
    "column": _("a column beside its bytes was changed"),
    "payload": _("a payload was changed or removed"),
    "chain": _("its chain does not go on from the entry before"),
    "link": _("it names another entry than it did"),
    "subject": _("what it is about is elsewhere"),
    "tree": _("it is not in its place in the tree"),
    "removed": _("entries were removed"),
    "forged": _("a checkpoint is not ours"),
    "checkpoint": _("a checkpoint says something else than the tree"),
    "rollback": _("the database is older than what is kept outside"),
    "anchor": _("what was put outside is not there any more"),
}

#: What is in the way of the tree (`audit.tree_trouble`).
TROUBLE_WORDS: dict[str, Text] = {
    "ROLLBACK": _("The database is older than what is kept outside"),
    "REWRITTEN": _("Entries are others than those that are kept outside"),
    "ANCHOR LOST": _("What was put outside is not there any more"),
    "TORN": _("The parts of the tree do not fit each other"),
    "REMOVED": _("An entry that waited to be sealed is gone"),
    "FORGED": _("The newest checkpoint is not ours"),
    "NO KEY": _("There is no key to sign with"),
    "NOT SEALED": _("Entries have waited to be sealed for more than an hour"),
    "NOT ANCHORED": _("Nothing could be put outside for more than an hour"),
}

#: What falls due, by the source whose rows it is.
DUE_WORK_WORDS: dict[str, Text] = {
    "executions": _("Calls of programs"),
    "work_item_holds": _("Tasks on hold that go on by themselves"),
    "work_item_deadlines": _("Deadlines of tasks"),
    "work_item_schedules": _("Tasks that are made by schedule"),
    "case_milestones": _("Milestones of cases"),
    "case_events": _("Events for cases"),
    "case_schedules": _("Steps that start by schedule"),
    "case_missed_news": _("The look for news that cases have missed"),
    "approval_expiries": _("Approvals that nobody decides in time"),
    "undo_checks": _("The look for undos that hang"),
    "notifications.deliveries": _("Messages to people"),
    "ledger_watch": _("The look after the ledger"),
    "ledger_sealing": _("Sealing of the ledger"),
    "ledger_anchoring": _("What is put outside of the ledger"),
    "ledger_witnessing": _("Signatures of others under the ledger"),
    "ledger_verifications": _("Checks of the ledger"),
    "ledger_erasures": _("Erasures"),
    "ledger_retention": _("Pruning of the ledger"),
}


def due_work_label(source: str) -> str:
    """Return what falls due in words; what nobody has words for as it is."""
    return str(DUE_WORK_WORDS.get(source, source))


def trouble_label(code: str) -> str:
    """Return what is in the way in words; what nobody has words for as it is."""
    return str(TROUBLE_WORDS.get(code, code))


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
