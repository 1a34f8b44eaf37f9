"""What has to be agreed before a rollback begins, and by whom; nothing is written here.

The policies of the organisation are asked about the run as about an execution: its intent says how
much it undoes, why, for whom, and the highest risk of all that. To what these ask for comes what
the policies of the work itself say (`approval`), and four eyes wherever the risk is high, or what
cannot be undone is corrected or, where a person asks, stays. What a policy changes is an input: a
run has none.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from accounts.acting import authority_of_member, system_of
from accounts.selectors import people
from compensation.actions.approval_needed import agreed_by
from compensation.actions.previewing import About
from compensation.errors import ApprovalRequired
from compensation.lifecycle import BY_A_PERSON, Trigger
from compensation.plan import Content, every_exclusion, undos_in
from compensation.plan_exceptions import overridden
from compensation.planning import Part
from compensation.risk import four_eyes, goes_past, highest, risk_of, undone_of
from governance.approvers import ANY_APPROVER, Approvers
from governance.lifecycle import Effect
from governance.policy_verdict import decide, steps_json
from ledger.canonical import digest
from ledger.errors import Refusal

#: The verb of a run that waits for approval, as approvals name it; and its word in intents.
ROLL_BACK = "roll_back"


@dataclasses.dataclass(frozen=True, slots=True)
class RunAgreement:
    """What was decided about a run: `steps` say who has to agree before it begins, none for nobody;
    `until` when it is too late; `asked_by` are the people who asked for it."""

    decisions: Sequence[Mapping[str, Any]] = ()
    steps: Sequence[Approvers] = ()
    refusal: Refusal | None = None
    until: dt.datetime | None = None
    asked_by: Sequence[uuid.UUID] = ()

    def digest(self, plan_digest: str, *, resume_after: bool) -> str:
        """Return the digest of what is approved: the plan, what becomes of the whole after it, and
        who has to agree."""
        return digest(
            {
                "action": ROLL_BACK,
                "plan": plan_digest,
                "resume_after": resume_after,
                "steps": steps_json(self.steps),
            }
        )


def agreement_on(
    content: Content,
    subject: About,
    parts: Sequence[Part],
    *,
    tenant_id: uuid.UUID,
    scope: Mapping[str, Any],
    reason: str,
    trigger: Trigger,
    requested_by: uuid.UUID,
) -> RunAgreement:
    """Return what is decided now about a run of what is planned. One query where there are no
    policies. Raises Trouble where jq does not answer."""
    own = undone_of(content.to_json(), parts)
    late = {each["id"] for each in overridden(content.to_json())}
    asked_by = _askers(subject, tenant_id, requested_by)
    rules, steps = _by_the_work(tenant_id, own)

    def intent() -> Mapping[str, Any]:
        return _intent(
            content, subject, own, tenant_id=tenant_id, requested_by=requested_by,
            asked_by=asked_by, said={"reason": reason, "trigger": str(trigger), "scope": scope},
        )  # fmt: skip

    verdict = decide(tenant_id, intent, unfit=lambda *_made: "", without=(Effect.MODIFY,))
    decided = () if verdict is None else verdict.decisions
    wanted = [*(() if verdict is None else verdict.steps), *steps]
    if not wanted and (why := _not_alone(content, subject, own, parts, trigger)):
        rules, wanted = [_rule("four_eyes", why)], [ANY_APPROVER]
    return RunAgreement(
        [*decided, *rules], wanted, None if verdict is None else verdict.refusal,
        until=min((each for part in own if (each := _closes(part, late))), default=None),
        asked_by=asked_by,
    )  # fmt: skip


def _not_alone(
    content: Content, subject: About, own: Sequence[Part], parts: Sequence[Part], trigger: Trigger
) -> str:
    """Return why nobody decides alone, whatever policies say. Of points of no return that is asked
    of people, also where another tenant asks them: what begins by itself stops there, and leaves to
    them what came before."""
    why = four_eyes(own)
    if why or trigger not in BY_A_PERSON:
        return why
    return goes_past(content.to_json(), parts, subject.later_above)


def agreed_already(
    content: Content,
    subject: About,
    parts: Sequence[Part],
    *,
    scope: Mapping[str, Any],
    reason: str,
    trigger: Trigger,
    requested_by: uuid.UUID,
) -> Sequence[Mapping[str, Any]]:
    """Return the policies that let a run begin that nobody is asked about. Raises what one refuses
    it with, and ApprovalRequired where others would have to agree."""
    row: Any = subject.whole if subject.row is None else subject.row
    found = agreement_on(
        content, subject, parts, tenant_id=row.tenant_id, scope=scope, reason=reason,
        trigger=trigger, requested_by=requested_by,
    )  # fmt: skip
    if found.refusal is not None:
        raise found.refusal
    if found.steps:
        raise ApprovalRequired(extra={"decisions": list(found.decisions)})
    return found.decisions


def _askers(subject: About, tenant_id: uuid.UUID, requested_by: uuid.UUID) -> list[uuid.UUID]:
    """Return the people who asked for it; behind what a whole does by itself who asked for that."""
    system = system_of(tenant_id).actor_id
    if requested_by != system:
        return [requested_by]
    kind, whole = subject.subject, subject.whole
    return [] if kind is None or whole is None else list(kind.askers(tenant_id, whole.id))


def _by_the_work(
    tenant_id: uuid.UUID, own: Sequence[Part]
) -> tuple[list[Mapping[str, Any]], list[Approvers]]:
    """Return what the policies of what is undone ask for: the most of those that say how many, and
    whoever is named by any of them."""
    said = [part.policy for part in own if part.policy is not None and part.policy.asks_others]
    if not said:
        return [], []
    words = dict.fromkeys(f"approval: {each.approval_in_words}" for each in said)
    return [_rule("compensation", "; ".join(words))], agreed_by(tenant_id, said)


def _rule(policy: str, reason: str) -> dict[str, Any]:
    return {"policy": policy, "effect": str(Effect.REQUIRE_APPROVAL), "reason": reason}


def _closes(part: Part, late: Collection[str]) -> dt.datetime | None:
    """Return until when a part can be undone; None where no time counts."""
    if part.policy is None or str(part.original.id) in late:
        return None
    return part.policy.closes_at(part.completed_at)


def _intent(
    content: Content,
    subject: About,
    own: Sequence[Part],
    *,
    tenant_id: uuid.UUID,
    requested_by: uuid.UUID,
    asked_by: Sequence[uuid.UUID],
    said: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what policies are asked about: the members that executions have, so that a policy may
    be of both, and what only a run has."""
    kind, whole = subject.subject, subject.whole
    in_case = kind is not None and kind.subject_type == "case"
    whole_id = None if whole is None else whole.id
    behind = kind.askers(tenant_id, whole_id) if kind is not None and in_case and whole_id else ()
    opener = next(iter(behind), None)
    named = people(tenant_id, [requested_by, *asked_by, *([opener] if opener else [])])
    authority = authority_of_member(tenant_id, requested_by)
    about = {"type": subject.ref[0], "id": str(subject.ref[1])}
    steps = undos_in(content.to_json())
    return {
        "subject": about,
        "operation": ROLL_BACK,
        "capability": "",
        "category": "",
        "risk": highest(risk_of(part) for part in own),
        "reversibility": "unspecified",
        "blast_radius": "unspecified",
        "tags": [],
        "requested_by": named[requested_by].username if requested_by in named else None,
        "asked_by": [named[each].username for each in asked_by if each in named],
        "opened_by": named[opener].username if opener in named else None,
        "roles": [] if authority is None else sorted(authority.roles),
        "input": {},
        "mode": "commit",
        "case": str(whole_id) if in_case else None,
        "step": None,
        "compensates": about,
        "counts": {
            "steps": len(steps),
            "human": sum(step["mode"] == "human" for step in steps),
            "automated": sum(step["mode"] == "automated" for step in steps),
            "excluded": sum(1 for _each in every_exclusion(content.to_json())),
            "windows_overridden": sum(1 for _each in overridden(content.to_json())),
        },
        **said,
    }
