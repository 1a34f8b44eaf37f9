"""What people can do with a work item from its page: buttons, and the forms behind them."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Literal

from django import forms
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workitems import actions
from workitems.forms import (
    AssignForm,
    CompensateForm,
    EvidenceForm,
    OptionalReasonForm,
    PerformerForm,
    ReasonForm,
    actor_called,
)
from workitems.permissions import Action
from workitems.words import DENIED, said

Text = str | Promise
Tone = Literal["", "primary", "undo", "danger"]


def _no_input(_form: forms.Form | None) -> dict[str, Any]:
    return {}


def _assignee(form: forms.Form) -> dict[str, Any]:
    return {"assignee": actor_called(form.cleaned_data["assignee"])}


def _performer(form: forms.Form) -> dict[str, Any]:
    return {**_assignee(form), "candidate_groups": tuple(form.cleaned_data["candidate_groups"])}


def _reason(form: forms.Form) -> dict[str, Any]:
    return {"reason": form.cleaned_data["reason"]}


def _evidence(form: forms.Form) -> dict[str, Any]:
    return {"evidence": form.cleaned_data["evidence"]}


def _wish(form: CompensateForm) -> dict[str, Any]:
    return {"wish": form.wish()}


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """One button. With a `form` it leads to a page that asks first, else it acts at once.

    `given` turns the form into the verb's arguments; it runs in the tenant's scope and may raise
    Invalid. `of_undo` are decisions about the item's undo.
    """

    action: str
    label: Text
    verb: Callable[..., Any]
    done: Text
    icon: str = ""
    tone: Tone = ""
    form: type[forms.Form] | None = None
    given: Callable[[Any], dict[str, Any]] = _no_input
    intro: Text = ""
    warning: Text = ""
    submit: Text = ""
    of_undo: bool = False

    @property
    def route(self) -> str:
        """The name of its page's address."""
        return f"workitems:{self.action}"


LISTED: tuple[Operation, ...] = (
    Operation("start", _("Start"), actions.start, _("Started. It is yours."), "play", "primary"),
    Operation("claim", _("Take it"), actions.claim, _("It is yours now."), "user-plus"),
    Operation("stop", _("Pause"), actions.stop, _("Paused."), "pause"),
    Operation("release", _("Give back"), actions.release, _("Given back."), "inbox"),
    Operation(
        "assign", _("Give to someone"), actions.assign, _("Given to someone."), "users",
        form=AssignForm, given=_assignee, submit=_("Give it"),
        intro=_("It appears in that person's inbox at once."),
    ),
    Operation(
        "reject", _("Reject"), actions.reject, _("Rejected."), "x", "danger",
        form=ReasonForm, given=_reason, submit=_("Reject it"),
        intro=_("You refuse this for good. Nobody else will be asked."),
    ),
    Operation(
        "cancel", _("Cancel the task"), actions.cancel, _("Cancelled."), "ban", "danger",
        form=ReasonForm, given=_reason, submit=_("Cancel the task"),
        intro=_("Nobody will do this any more."),
    ),
    Operation(
        "compensate", _("Undo"), actions.compensate, _("The undo has begun."), "undo-2", "undo",
        form=CompensateForm, given=_wish, submit=_("Ask for the undo"),
        warning=_(
            "What was decided stays on record. The undo is new work, linked to what it undoes."
        ),
    ),
    Operation(
        "retry", _("Try again"), actions.retry_compensation, _("A new attempt has begun."),
        "refresh-cw", "undo", of_undo=True,
    ),
    Operation(
        "reassign", _("Ask someone else"), actions.reassign_compensation,
        _("A new attempt has begun."), "users", form=PerformerForm, given=_performer,
        submit=_("Ask them"), intro=_("Another person or group is asked to undo it."),
        of_undo=True,
    ),
    Operation(
        "hand-to-human", _("Hand to a person"), actions.hand_to_human,
        _("A person is asked now."), "user", form=PerformerForm, given=_performer,
        submit=_("Hand it over"),
        intro=_("A person does it instead of a program. Name nobody to ask whom its policy names."),
        of_undo=True,
    ),
    Operation(
        "attest", _("It is undone, with evidence"), actions.attest,
        _("Recorded as undone, with your evidence."), "check", form=EvidenceForm, given=_evidence,
        submit=_("Record it as undone"),
        intro=_("It was settled outside of here. Say how that can be proved."), of_undo=True,
    ),
    Operation(
        "abandon", _("Give up"), actions.abandon, _("The undo was given up."), "ban", "danger",
        form=ReasonForm, given=_reason, submit=_("Give up the undo"),
        warning=_("What was done stays as it is. That it remains is put on record."), of_undo=True,
    ),
    Operation(
        "withdraw", _("Withdraw the undo"), actions.withdraw, _("The undo was withdrawn."), "x",
        form=OptionalReasonForm, given=_reason, submit=_("Withdraw the undo"),
        intro=_("Nobody has started it yet. The work counts as done again."), of_undo=True,
    ),
)  # fmt: skip
BY_ACTION = {each.action: each for each in LISTED}


def buttons(
    item_id: uuid.UUID, found: Iterable[Action], *, of_undo: bool, is_open: bool
) -> list[dict[str, Any]]:
    """Return `actions` of components/actions.html for an item.

    What its status rules out is left out: those who finished something need not read why it can no
    longer be claimed.
    """
    by_name = {each.action: each for each in found}
    listed = []
    for operation in LISTED:
        state = by_name.get(operation.action)
        if state is None or operation.of_undo is not of_undo or state.reason == "wrong_state":
            continue
        if not of_undo and is_open is (operation.action == "compensate"):
            continue
        listed.append(
            {
                "action": operation.action,
                "label": operation.label,
                "url": reverse(operation.route, args=[item_id]),
                "method": "post" if operation.form is None else "get",
                "tone": operation.tone,
                "icon": operation.icon,
                "allowed": state.allowed,
                "reason": said(DENIED, state.reason),
            }
        )
    return listed
