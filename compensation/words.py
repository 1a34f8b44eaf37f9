"""Words of undoing: its entries, runs, steps, exclusions, outcomes, strategies and legal bases."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from compensation.lifecycle import CompensationState, ExclusionCode, Mode, RunStatus, StepStatus
from verbs import words
from verbs.words import ActionWords as A
from verbs.words import Text, VerbWords, said
from web.templatetags.amends import label_of

#: What is recorded about anything that can be undone by itself; its owner registers them for it.
UNDO_ACTIONS = {
    "compensation_requested": A(_("Undo asked for"), _("%(who)s asked to undo %(what)s"), "undo"),
    "compensation_started": A(_("Undo begun"), _("Undo of %(what)s begun by %(who)s"), "undo"),
    "compensation_retried": A(
        _("Undo tried again"), _("Undo of %(what)s tried again by %(who)s"), "undo"
    ),
    "compensation_reassigned": A(
        _("Undo given to somebody else"),
        _("Undo of %(what)s given to somebody else by %(who)s"),
        "undo",
    ),
    "compensation_handed_to_human": A(
        _("Undo handed to a person"), _("Undo of %(what)s handed to a person by %(who)s"), "undo"
    ),
    "compensation_attested": A(
        _("Attested as undone"), _("%(who)s attested that %(what)s is undone"), "done"
    ),
    "compensation_abandoned": A(
        _("Undo given up"), _("Undo of %(what)s given up by %(who)s; its effect stays"), "bad"
    ),
    "compensation_withdrawn": A(
        _("Undo called back"), _("Undo of %(what)s called back by %(who)s")
    ),
    "compensation_completed": A(_("Undone"), _("%(what)s is undone"), "done"),
    "compensation_faulted": A(_("Undo failed"), _("Undo of %(what)s failed"), "bad"),
    "compensation_refused": A(
        _("Undo refused"), _("%(who)s asked to undo %(what)s and was refused"), "bad"
    ),
}
RUN_ACTIONS = {
    "compensation_requested": A(
        _("Rollback asked for"), _("%(what)s asked for by %(who)s"), "undo"
    ),
    "compensation_approved": A(_("Rollback approved"), _("%(what)s approved by %(who)s"), "undo"),
    "compensation_started": A(_("Rollback begun"), _("%(what)s begun by %(who)s"), "undo"),
    "compensation_rejected": A(
        _("Rollback refused"), _("%(what)s refused by %(who)s; nothing was undone"), "bad"
    ),
    "compensation_expired": A(
        _("Rollback expired"), _("Nobody agreed in time to %(what)s; nothing was undone"), "bad"
    ),
    "compensation_superseded": A(
        _("Rollback out of date"), _("%(what)s is out of date; nothing was undone"), "bad"
    ),
    "compensation_cancelled": A(
        _("Rollback cancelled"), _("%(what)s called off by %(who)s; nothing was undone")
    ),
    "compensation_paused": A(_("Rollback paused"), _("%(what)s paused by %(who)s"), "undo"),
    "compensation_resumed": A(_("Rollback goes on"), _("%(what)s goes on"), "undo"),
    "compensation_completed": A(_("Rollback ended"), _("%(what)s ended"), "done"),
    "compensation_faulted": A(
        _("Rollback needs a decision"), _("%(what)s needs a decision"), "bad"
    ),
    "engine_stopped": A(_("Stopped"), _("%(what)s cannot go on by itself"), "bad"),
    "engine_revived": A(_("Tried again"), _("%(who)s let %(what)s try again")),
    "engine_resumed": A(_("Goes on"), _("%(what)s goes on"), "done"),
    "compensation_waiting": A(
        _("Rollback waits"), _("%(what)s waits for a result that may never come"), "bad"
    ),
    "compensation_awaits": A(_("Rollback waits"), _("%(what)s waits for a result"), "undo"),
    "compensation_step_planned": A(_("Step planned"), _("Undo of %(step)s planned"), "undo"),
    "compensation_step_started": A(_("Step begun"), _("Undo of %(step)s begun"), "undo"),
    "compensation_step_waiting": A(
        _("Step waits for a person"), _("Undo of %(step)s waits for a person"), "undo"
    ),
    "compensation_step_completed": A(_("Step undone"), _("Undo of %(step)s done"), "done"),
    "compensation_step_failed": A(_("Step failed"), _("Undo of %(step)s failed"), "bad"),
    "compensation_step_resolved": A(
        _("Step settled by hand"), _("Undo of %(step)s settled by hand by %(who)s"), "done"
    ),
    "compensation_step_abandoned": A(
        _("Step given up"), _("Undo of %(step)s given up by %(who)s"), "bad"
    ),
    "compensation_step_waived": A(_("May stay"), _("%(who)s said that %(step)s may stay"), "bad"),
    "compensation_window_overridden": A(
        _("Undone after its time"), _("%(who)s wants %(step)s undone after its time"), "bad"
    ),
    "compensation_step_skipped": A(_("Step left out"), _("Undo of %(step)s left out")),
    "compensation_step_retried": A(
        _("Step tried again"), _("Undo of %(step)s tried again by %(who)s"), "undo"
    ),
}

#: How the statuses look that everything has which can be undone; its owner adds them to its own.
UNDO_LOOKS = {
    "COMPENSATING": ("undo-2", "undo"),
    "COMPENSATED": ("check", "done"),
    "COMPENSATION_FAULTED": ("x", "bad"),
}
_RUN_LOOKS = {
    "PENDING_APPROVAL": ("clock", "undo"),
    "APPROVED": ("undo-2", "undo"),
    "RUNNING": ("undo-2", "undo"),
    "PAUSED": ("pause", "undo"),
    "COMPLETED": ("check", "done"),
    "PARTIAL": ("triangle-alert", "bad"),
    "FAULTED": ("x", "bad"),
    "REJECTED": ("x", "bad"),
    "CANCELLED": ("ban", "wait"),
    "EXPIRED": ("clock", "wait"),
    "SUPERSEDED": ("minus", "wait"),
}
_STEP_LOOKS = {
    "PLANNED": ("clock", "wait"),
    "WAITING": ("user", "undo"),
    "RUNNING": ("undo-2", "undo"),
    "DONE": ("check", "done"),
    "FAILED": ("x", "bad"),
    "RESOLVED": ("check", "done"),
    "ABANDONED": ("ban", "bad"),
    "SKIPPED": ("minus", "wait"),
    "BLOCKED": ("lock", "bad"),
}
_EXCLUSION_LOOKS = {
    "irreversible": ("lock", "bad"),
    "pivot": ("lock", "bad"),
    "window_closed": ("clock", "bad"),
    "already_compensated": ("check", "done"),
    "not_completed": ("minus", "wait"),
    "in_flight": ("clock", "wait"),
    "no_compensation_declared": ("circle-question-mark", "bad"),
    "erased": ("eraser", "bad"),
    "other_tenant": ("building-2", "wait"),
    "dependents_remain": ("link", "bad"),
    "outcome_unknown": ("circle-question-mark", "bad"),
    "case_closed": ("lock", "bad"),
}

_UNDO_PERFORMER: dict[str, tuple[Text, Text]] = {
    "assignee": (_("Ask this person"), _("A username.")),
    "candidate_groups": (_("Or any member of these groups"), ""),
}
_REASON = {"reason": (_("Reason"), "")}
#: Somebody has to be asked: a person or a group.
_ONE_OF = ("assignee", "candidate_groups")
_WHY_SO = {"reason": (_("Why so"), _("It stands beside the attempt, and stays on record."))}
#: The verbs of undoing one thing by itself; its owner registers them for it.
UNDO_VERBS = {
    "compensate": VerbWords(
        _("Undo"), _("The undo has begun."), "undo-2", "undo",
        warning=_(
            "What was decided stays on record. The undo is new work, linked to what it undoes."
        ),
        submit=_("Ask for the undo"),
        fields={
            "reason": (
                _("Reason"), _("Whoever is asked to undo it reads this. It stays on record."),
            ),
            "regulatory_basis": (_("Legal basis"), ""),
            "note": (_("Paragraph or reference"), _("Of the legal basis.")),
            "strategy": (_("What is asked"), ""),
            "mode": (_("Who does it"), ""),
            "override_window": (
                _("After its time"),
                _("Only where the time in which it could be undone is over; for operators."),
            ),
            **_UNDO_PERFORMER,
        },
    ),
    "retry": VerbWords(
        _("Try again"), _("A new attempt has begun."), "refresh-cw", "undo",
        intro=_("The same undo once more, by the same person or program."), fields=_WHY_SO,
    ),
    "reassign": VerbWords(
        _("Ask someone else"), _("A new attempt has begun."), "users",
        intro=_("Another person or group is asked to undo it."),
        submit=_("Ask them"), fields={**_UNDO_PERFORMER, **_WHY_SO}, one_of=_ONE_OF,
    ),
    "hand-to-human": VerbWords(
        _("Hand to a person"), _("A person is asked now."), "user",
        intro=_("A person does it instead of a program. Name nobody to ask whom its policy names."),
        submit=_("Hand it over"), fields={**_UNDO_PERFORMER, **_WHY_SO},
    ),
    "attest": VerbWords(
        _("It is undone, with evidence"), _("Recorded as undone, with your evidence."), "check",
        intro=_("It was settled outside of here. Say how that can be proved."),
        submit=_("Record it as undone"),
        fields={
            "evidence": (
                _("Evidence"),
                _("What shows that it is undone, and where the proof can be found."),
            ),
        },
    ),
    "abandon": VerbWords(
        _("Give up"), _("The undo was given up."), "ban", "danger",
        warning=_("What was done stays as it is. That it remains is put on record."),
        submit=_("Give up the undo"), fields=_REASON,
    ),
    "withdraw": VerbWords(
        _("Withdraw the undo"), _("The undo was withdrawn."), "x",
        intro=_("Nobody has started it yet. The work counts as done again."),
        submit=_("Withdraw the undo"), fields=_REASON,
    ),
}  # fmt: skip

DENIED: dict[str, Text] = {
    "self_undo_not_allowed": _("an operator has to ask for it"),
    "managed_by_run": _("it belongs to a rollback; decide there"),
    "undo_started": _("the undo has already started"),
    "undo_not_begun": _("its undo could not even begin; try again or give it up"),
    "not_compensable": _("an undo task cannot itself be undone"),
    "already_compensated": _("it has already been undone"),
    "case_closed": _("its case is closed"),
    "run_live": _("a rollback is under way"),
    "engine_stopped": _("its case has stopped; let it try again first"),
    "window_closed": _("the time in which it could be undone is over"),
    "outcome_unknown": _("it may have happened; say first whether it did"),
    "approval_required": _("its undo needs approval; ask for it at the task itself"),
    "undo_unfit": _("its undo does not accept what it was given; a rollback asks a person instead"),
}
OUTCOMES: dict[str, Text] = {
    "REVERSED": _("Reversed"),
    "CORRECTED": _("Corrected"),
    "PARTIALLY_REVERSED": _("Partly reversed"),
    "CANNOT_REVERSE": _("Cannot be reversed"),
}
OUTCOME_HINTS: dict[str, Text] = {
    "REVERSED": _("What was done no longer stands."),
    "CORRECTED": _("It stands in another form; you say which."),
    "PARTIALLY_REVERSED": _("Part stays. You say what; an operator decides."),
    "CANNOT_REVERSE": _("You say why. An operator decides."),
}
#: What is asked beside each outcome: the reason of those that need one, the evidence of the first.
OUTCOME_QUESTIONS: dict[str, Text] = {
    "REVERSED": _("What shows that it is reversed?"),
    "CORRECTED": _("What stands now?"),
    "PARTIALLY_REVERSED": _("What stays, and why?"),
    "CANNOT_REVERSE": _("Why can it not be reversed?"),
}
#: What is true once an undo task has ended like this.
OUTCOME_EFFECTS: dict[str, Text] = {
    "REVERSED": _("“%(title)s” is undone. What was decided stays on record as it was."),
    "CORRECTED": _("“%(title)s” counts as undone, and what you say now stands is on record."),
    "PARTIALLY_REVERSED": _("An operator reads what stays of “%(title)s”, and decides."),
    "CANNOT_REVERSE": _("“%(title)s” stays for now. An operator reads why, and decides."),
}
BASES: dict[str, Text] = {
    "GDPR_17": _("GDPR Art. 17, erasure"),
    "GDPR_22": _("GDPR Art. 22, automated decisions"),
    "EU_AI_ACT_12": _("EU AI Act Art. 12, records"),
    "CONTRACT": _("Contract"),
    "INTERNAL_POLICY": _("Internal policy"),
    "COURT_ORDER": _("Court order"),
    "OTHER": _("Other"),
}
STRATEGIES: dict[str, Text] = {
    "restore": _("put the earlier state back"),
    "correct": _("leave it and apply a correction"),
}
#: The same in a badge, where there is room for a word; the usual way needs none.
STRATEGY_BADGES: dict[str, Text] = {"correct": _("corrects it")}
MODES: dict[str, Text] = {"human": _("a person"), "automated": _("a program")}
#: Answers to "can it be undone?".
REVERSIBILITIES: dict[str, Text] = {
    "compensable": _("yes"),
    "retriable": _("it can be repeated"),
    "pivot": _("no, point of no return"),
    "irreversible": _("no"),
    "not_needed": _("needs no undo"),
}
#: What to do instead of undoing something that a plan leaves out.
ALTERNATIVES: dict[str, Text] = {
    "correct": _("Correct it instead"),
    "undo_item": _("Undo that task by itself"),
    "override_window": _("Undo it after its time, with a reason"),
    "accept": _("Keep it as it is"),
    "include": _("Add it as a task for a person"),
    "scope_from_step": _("Undo everything after it too"),
    "wait": _("Wait for its result"),
    "settle_outcome": _("Say whether it happened"),
    "undo_anyway": _("Undo it as if it had happened"),
    "nothing_to_do": _("Nothing to do"),
    "cancel_if_open": _("Open work is cancelled"),
    "roll_back_first": _("Roll it back on its own first"),
}

_PERFORMER: dict[str, tuple[Text, Text]] = {
    "assignee": (_("Person"), _("A username. Leave it empty to ask a group.")),
    "candidate_groups": (_("Groups"), ""),
}
_RUN_VERBS = {
    "approve": VerbWords(
        _("Approve"),
        "",
        "check",
        intro=_("After the last approval it begins at once."),
        submit=_("Approve"),
        fields={"reason": (_("Reason"), "")},
    ),
    "reject": VerbWords(
        _("Refuse"),
        _("Refused. Nothing is undone."),
        "x",
        "danger",
        intro=_("Nothing is undone. Whoever asked reads why."),
        submit=_("Refuse"),
        fields={"reason": (_("Reason"), "")},
    ),
    "cancel": VerbWords(
        _("Do not ask any more"),
        _("Called off. Nothing is undone."),
        "ban",
        intro=_("It waits for approval. Nothing is undone, and nobody is asked any more."),
        submit=_("Call it off"),
        fields={"reason": (_("Reason"), "")},
    ),
    "pause": VerbWords(
        _("Pause"), _("No further step starts until somebody lets it go on."), at_once=True
    ),
    "resume": VerbWords(_("Go on"), _("The rollback goes on.")),
    "retry": VerbWords(_("Try again"), _("It is tried again."), "refresh-cw"),
}
_STEP_VERBS = {
    "retry": VerbWords(
        _("Try again"), _("It is tried again."),
        hint=_("The same undo once more, by the same person or program."), fields=_WHY_SO,
    ),
    "reassign": VerbWords(
        _("Give it to somebody else"), _("Somebody else is asked now."), submit=_("Hand over"),
        hint=_("Another person or group is asked to undo it."), one_of=_ONE_OF,
        fields={**_PERFORMER, **_WHY_SO},
    ),
    "hand-to-human": VerbWords(
        _("Let a person do it"), _("A person is asked now."), submit=_("Hand over"),
        hint=_("Instead of the program that could not."), fields={**_PERFORMER, **_WHY_SO},
    ),
    "attest": VerbWords(
        _("It is undone already"), _("Recorded as undone, on your word."), submit=_("Attest"),
        hint=_("You vouch for it, and say what shows it."),
        fields={
            "evidence": (
                _("Evidence"),
                _("What you saw, where, and when. It stays in the ledger under your name."),
            )
        },
    ),
    "abandon": VerbWords(
        _("Give it up"), _("Given up. Its effect stays, and that is recorded."), tone="danger",
        hint=_("Its effect stays. The rollback goes on and ends with an exception."),
        fields={"reason": (_("Why it stays"), "")},
    ),
}  # fmt: skip


def register() -> None:
    """Register what belongs to undoing, whatever is undone."""
    words.register_subject_words("compensation_run", _("rollback"))
    words.register_subject_words("recall", _("recall"))
    words.register_actions("compensation_run", RUN_ACTIONS)
    words.register_states("compensation_run", RunStatus, _RUN_LOOKS)
    words.register_states("step", StepStatus, _STEP_LOOKS)
    words.register_states(
        "compensation", CompensationState, {"NONE": ("minus", "wait"), **UNDO_LOOKS}
    )
    words.register_states("mode", Mode, {"human": ("user", "undo"), "automated": ("bot", "act")})
    words.register_states("exclusion", ExclusionCode, _EXCLUSION_LOOKS)
    words.register_verbs("compensation_run", _RUN_VERBS)
    words.register_verbs("compensation_step", _STEP_VERBS)
    words.register_denials(DENIED)
    as_declared = {"": _("As its policy says")}
    words.register_choices("mode", {**as_declared, **MODES})
    words.register_choices("strategy", {**as_declared, **STRATEGIES})
    words.register_choices("reversibility", REVERSIBILITIES)
    words.register_choices("regulatory_basis", BASES)
    words.register_choices("outcome", OUTCOMES)


def outcome_label(outcome: str | None) -> str:
    """Return an outcome as people read it: `CANNOT_REVERSE` is "Cannot be reversed"."""
    if not outcome:
        return ""
    known = OUTCOMES.get(outcome)
    if known is not None:
        return str(known)
    return label_of(outcome.lower() if outcome.isupper() else outcome)


def basis_words(basis: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return legal bases for `components/basis.html`."""
    return [
        {"code": each["code"], "label": said(BASES, each["code"]), "note": each.get("note", "")}
        for each in basis
    ]
