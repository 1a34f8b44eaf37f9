"""Sentences for what the lifecycle names by constants: outcomes, reasons of denial, legal bases."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from web.templatetags.amends import label_of

OUTCOMES: dict[str, str | Promise] = {
    "REVERSED": _("Reversed"),
    "CORRECTED": _("Corrected"),
    "PARTIALLY_REVERSED": _("Partly reversed"),
    "CANNOT_REVERSE": _("Cannot be reversed"),
}
OUTCOME_HINTS: dict[str, str | Promise] = {
    "REVERSED": _("What was done no longer stands."),
    "CORRECTED": _("It stands in another form; say which."),
    "PARTIALLY_REVERSED": _("Part of it could not be taken back. An operator decides."),
    "CANNOT_REVERSE": _("Say why. An operator decides."),
}
BASES: dict[str, str | Promise] = {
    "GDPR_17": _("GDPR Art. 17, erasure"),
    "GDPR_22": _("GDPR Art. 22, automated decisions"),
    "EU_AI_ACT_12": _("EU AI Act Art. 12, records"),
    "CONTRACT": _("Contract"),
    "INTERNAL_POLICY": _("Internal policy"),
    "COURT_ORDER": _("Court order"),
    "OTHER": _("Other"),
}
STRATEGIES: dict[str, str | Promise] = {
    "restore": _("put the earlier state back"),
    "correct": _("leave it and apply a correction"),
}
MODES: dict[str, str | Promise] = {"human": _("By a person"), "automated": _("Automatically")}
DENIED: dict[str, str | Promise] = {
    "wrong_state": _("not in its present state"),
    "not_candidate": _("it is meant for others"),
    "not_assignee": _("only who it is assigned to may"),
    "not_operator": _("only an operator may"),
    "self_undo_not_allowed": _("an operator has to ask for it"),
    "managed_by_run": _("it belongs to a rollback; decide there"),
    "undo_started": _("the undo has already started"),
    "not_compensable": _("an undo task cannot itself be undone"),
    "already_compensated": _("it has already been undone"),
    "case_closed": _("its case is closed"),
    "run_live": _("a rollback of its case is under way"),
    "window_closed": _("the time in which it could be undone is over"),
}
REVERSIBILITIES: dict[str, str | Promise] = {
    "compensable": _("yes"),
    "retriable": _("it can be repeated"),
    "pivot": _("no, point of no return"),
    "irreversible": _("no"),
    "not_needed": _("needs no undo"),
}


def outcome_label(outcome: str | None) -> str:
    """Return an outcome as people read it: `CANNOT_REVERSE` is "Cannot be reversed"."""
    if not outcome:
        return ""
    known = OUTCOMES.get(outcome)
    if known is not None:
        return str(known)
    return label_of(outcome.lower() if outcome.isupper() else outcome)


def said(words: dict[str, str | Promise], code: str | None) -> str:
    """Return the words for a code; an unknown code reads as itself, in words."""
    return "" if not code else str(words.get(code) or label_of(code.lower()))


def basis_words(basis: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return legal bases for `components/basis.html`."""
    return [
        {"code": each["code"], "label": said(BASES, each["code"]), "note": each.get("note", "")}
        for each in basis
    ]
