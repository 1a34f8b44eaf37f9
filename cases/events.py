"""The news the engine acts on. What undoing means for a case is told by compensation."""

from __future__ import annotations

ENGINE = "cases.engine"
#: Hears, in the lane of a case, what became of the cases below it.
SUB_CASES = "cases.sub_cases"
#: Undoes what a failed case has done, where its definition says so.
ON_FAULT = "cases.on_fault"

FAULTED = "amends.case.faulted.v1"
RETRIED, CONTEXT_CHANGED = "retried", "context_changed"
# Before one of these a retry may have gone unheard, or a result come that could not be taken in.
#: A rollback has ended.
SETTLED = "rollback_settled"
RESUMES = frozenset({"resumed", SETTLED})
#: With each of these bindings have not answered to the case yet.
CASE = frozenset({"opened", RETRIED}) | RESUMES
# Of its own changes of the context the engine need not hear, but of those that an undo makes.
GOES_ON = CASE | {CONTEXT_CHANGED}
#: Something has come for a step: bindings that the context starts do not answer to that.
ARRIVALS = frozenset({"signalled", "event_arrived", "moment_came"})
# What becomes of a program is not known yet: nothing is taken in, but a rollback that waits for it
# says so.
UNSETTLED = frozenset({"outcome_unknown", "retried", "accepted"})
#: What the case above a sub-case hears of it.
OF_SUB_CASE = frozenset({"completed", "faulted", "cancelled", "rollback_settled"})
_OF_TASK = frozenset(
    {"completed", "rejected", "failed", "skipped", "cancelled", "expired", "escalated"}
)
_OF_PROGRAM = frozenset({"succeeded", "failed", "cancelled", "rejected", "expired", "superseded"})
#: By which a task, or a program, has ended.
ENDS_OF_WORK = _OF_TASK | _OF_PROGRAM
_NEWS = {
    "case": GOES_ON | ARRIVALS,
    "work_item": _OF_TASK,
    "execution": _OF_PROGRAM | UNSETTLED,
}
ENGINE_NEWS = frozenset(
    f"amends.{subject}.{action}.v1" for subject, actions in _NEWS.items() for action in actions
)
#: Marks work that has read what is undone.
USES = "cases.used_results"
#: With each of these something of a case may stand undone that others have used.
CASE_USES = frozenset(
    {
        *(
            f"amends.{kind}.{action}.v1"
            for kind in ("work_item", "execution")
            for action in ("compensation_completed", "compensation_attested")
        ),
        "amends.case.rollback_settled.v1",
    }
)
