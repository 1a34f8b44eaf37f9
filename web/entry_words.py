"""What people read instead of the ledger's words: labels, sentences and tones of actions. Pure."""

from __future__ import annotations

import dataclasses

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclasses.dataclass(frozen=True, slots=True)
class ActionWords:
    """An action in words.

    `label` stands alone ("Completed"). `sentence` names subject (`%(what)s`) and actor (`%(who)s`).
    `tone` is one of "", undo, bad, done.
    """

    label: Text
    sentence: Text
    tone: str = ""


W = ActionWords
ACTION_WORDS: dict[str, ActionWords] = {
    # work items
    "created": W(_("Opened"), _("%(what)s opened by %(who)s")),
    "edited": W(_("Changed"), _("%(what)s changed by %(who)s")),
    "claimed": W(_("Taken"), _("%(what)s taken by %(who)s")),
    "released": W(_("Put back"), _("%(what)s put back by %(who)s")),
    "assigned": W(_("Given to somebody"), _("%(what)s given to somebody by %(who)s")),
    "started": W(_("Started"), _("%(what)s started by %(who)s")),
    "stopped": W(_("Paused"), _("%(what)s paused by %(who)s")),
    "completed": W(_("Completed"), _("%(what)s completed by %(who)s"), "done"),
    "rejected": W(_("Rejected"), _("%(what)s rejected by %(who)s"), "bad"),
    "cancelled": W(_("Cancelled"), _("%(what)s cancelled by %(who)s")),
    # executions
    "requested": W(_("Requested"), _("%(what)s requested by %(who)s")),
    "dispatched": W(_("Tried"), _("%(what)s tried")),
    "succeeded": W(_("Succeeded"), _("%(what)s succeeded"), "done"),
    "failed": W(_("Failed"), _("%(what)s failed"), "bad"),
    "retried": W(_("Failed for now"), _("%(what)s failed for now and will be tried again"), "bad"),
    # cases
    "opened": W(_("Opened"), _("%(what)s opened by %(who)s")),
    "context_changed": W(_("Learnt something"), _("%(what)s learnt something new")),
    "suspended": W(_("Put on hold"), _("%(what)s put on hold by %(who)s")),
    "resumed": W(_("Resumed"), _("%(what)s resumed by %(who)s")),
    "closed": W(_("Closed"), _("%(what)s closed by %(who)s")),
    "faulted": W(_("Failed"), _("%(what)s failed"), "bad"),
    "rollback_started": W(_("Rollback begun"), _("Rollback of %(what)s begun by %(who)s"), "undo"),
    "rollback_settled": W(_("Rollback ended"), _("Rollback of %(what)s ended"), "done"),
    # compensation of one subject
    "compensation_requested": W(_("Undo asked for"), _("%(who)s asked to undo %(what)s"), "undo"),
    "compensation_started": W(_("Undo begun"), _("Undo of %(what)s begun by %(who)s"), "undo"),
    "compensation_retried": W(
        _("Undo tried again"), _("Undo of %(what)s tried again by %(who)s"), "undo"
    ),
    "compensation_reassigned": W(
        _("Undo given to somebody else"),
        _("Undo of %(what)s given to somebody else by %(who)s"),
        "undo",
    ),
    "compensation_handed_to_human": W(
        _("Undo handed to a person"), _("Undo of %(what)s handed to a person by %(who)s"), "undo"
    ),
    "compensation_attested": W(
        _("Attested as undone"), _("%(who)s attested that %(what)s is undone"), "done"
    ),
    "compensation_abandoned": W(
        _("Undo given up"), _("Undo of %(what)s given up by %(who)s; its effect stays"), "bad"
    ),
    "compensation_withdrawn": W(
        _("Undo called back"), _("Undo of %(what)s called back by %(who)s")
    ),
    "compensation_completed": W(_("Undone"), _("%(what)s is undone"), "done"),
    "compensation_faulted": W(_("Undo failed"), _("Undo of %(what)s failed"), "bad"),
    "compensation_refused": W(
        _("Undo refused"), _("%(who)s asked to undo %(what)s and was refused"), "bad"
    ),
    # compensation runs and their steps
    "compensation_approved": W(_("Rollback approved"), _("%(what)s approved by %(who)s"), "undo"),
    "compensation_paused": W(_("Rollback paused"), _("%(what)s paused by %(who)s"), "undo"),
    "compensation_resumed": W(_("Rollback goes on"), _("%(what)s goes on"), "undo"),
    "compensation_step_planned": W(_("Step planned"), _("Step planned in %(what)s"), "undo"),
    "compensation_step_started": W(_("Step begun"), _("Step of %(what)s begun"), "undo"),
    "compensation_step_waiting": W(
        _("Step waits for a person"), _("Step of %(what)s waits for a person"), "undo"
    ),
    "compensation_step_completed": W(_("Step undone"), _("Step of %(what)s undone"), "done"),
    "compensation_step_failed": W(_("Step failed"), _("Step of %(what)s failed"), "bad"),
    "compensation_step_resolved": W(
        _("Step settled by hand"), _("Step of %(what)s settled by hand by %(who)s"), "done"
    ),
    "compensation_step_abandoned": W(
        _("Step given up"), _("Step of %(what)s given up by %(who)s"), "bad"
    ),
    "compensation_step_skipped": W(_("Step left out"), _("Step of %(what)s left out")),
    "compensation_step_retried": W(
        _("Step tried again"), _("Step of %(what)s tried again by %(who)s"), "undo"
    ),
    # administration
    "tenant_created": W(_("Organisation created"), _("%(what)s created by %(who)s")),
    "member_added": W(_("Member added"), _("%(what)s added as a member by %(who)s")),
    "member_deactivated": W(_("Member deactivated"), _("%(what)s deactivated by %(who)s")),
    "member_reactivated": W(_("Member reactivated"), _("%(what)s reactivated by %(who)s")),
    "roles_changed": W(_("Roles changed"), _("Roles of %(what)s changed by %(who)s")),
    "group_joined": W(_("Joined groups"), _("%(what)s added to groups by %(who)s")),
    "group_left": W(_("Left groups"), _("%(what)s removed from groups by %(who)s")),
    "token_created": W(_("Token created"), _("Token of %(what)s created by %(who)s")),
    "definition_deployed": W(_("Definition deployed"), _("Definition deployed by %(who)s")),
}

# A word that says something else about another kind of subject.
_OF_TYPE: dict[tuple[str, str], ActionWords] = {
    ("case", "completed"): W(_("Completed"), _("%(what)s completed"), "done"),
    ("case", "compensation_faulted"): W(
        _("Rollback needs a decision"), _("Rollback of %(what)s needs a decision"), "bad"
    ),
    ("case", "compensation_resumed"): W(
        _("Rollback goes on"), _("Rollback of %(what)s goes on"), "undo"
    ),
    ("compensation_run", "compensation_requested"): W(
        _("Rollback asked for"), _("%(what)s asked for by %(who)s"), "undo"
    ),
    ("compensation_run", "compensation_started"): W(
        _("Rollback begun"), _("%(what)s begun by %(who)s"), "undo"
    ),
    ("compensation_run", "compensation_completed"): W(
        _("Rollback ended"), _("%(what)s ended"), "done"
    ),
    ("compensation_run", "compensation_faulted"): W(
        _("Rollback needs a decision"), _("%(what)s needs a decision"), "bad"
    ),
}


def words_for(subject_type: str, action: str) -> ActionWords:
    """Return an action in words; one that has none yet is shown readably, not hidden."""
    found = _OF_TYPE.get((subject_type, action)) or ACTION_WORDS.get(action)
    if found is not None:
        return found
    readable = action.replace("_", " ").capitalize()
    return ActionWords(readable, f"%(what)s: {readable.lower()}")


SUBJECT_WORDS: dict[str, Text] = {
    "work_item": _("task"),
    "execution": _("automated step"),
    "batch": _("batch"),
    "case": _("case"),
    "compensation_run": _("rollback"),
    "tenant": _("organisation"),
    "actor": _("member"),
    "channel": _("channel"),
    "commitment": _("commitment"),
    "webhook_endpoint": _("webhook endpoint"),
}
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
#: Subject types of the ledger by the name under which their states have words.
STATE_KINDS = {"compensation_run": "run"}
