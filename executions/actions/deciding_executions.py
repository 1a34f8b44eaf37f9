"""What the policies of the organisation say of an execution before it is opened, or once more.

The intent is what they are asked about (ADR 0027). Nothing is written here.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.acting import authority_of_member
from accounts.selectors import people
from compensation.policy import UNSPECIFIED
from executions import capability_registry
from executions.actions.new_execution import NewExecution, check_new
from executions.models import Execution
from executions.undo_capabilities import is_undo
from governance.approvers import ANY_APPROVER, Approvers
from governance.policies import Policies, to_ask
from governance.policy_verdict import decide_by, steps_json
from json_values.comparison import comparable
from json_values.jq.known_answers import NotAskedYet
from ledger.canonical import digest, payload_bytes
from ledger.errors import Invalid, Refusal


@dataclasses.dataclass(frozen=True, slots=True)
class Decided:
    """An execution as it may be opened: what policies have changed in it is changed. `asked`: input
    and mode as they were asked for. `left_out`: it is refused only because a policy was not asked,
    for want of time."""

    new: NewExecution
    asked: Mapping[str, Any]
    decisions: Sequence[Mapping[str, Any]] = ()
    steps: Sequence[Approvers] = ()
    refusal: Refusal | None = None
    on_stale: str = ""
    left_out: bool = False

    @property
    def waits(self) -> bool:
        """Whether others have to agree before it is run. Of what has no effect nobody has to."""
        return bool(self.steps) and self.new.mode == "commit"


class _Facts:
    """What intents of one tenant tell of people and capabilities, each read once."""

    def __init__(self, tenant_id: uuid.UUID) -> None:
        self.people = functools.cache(functools.partial(people, tenant_id))
        self.roles = functools.cache(functools.partial(_roles, tenant_id))
        self.is_undo = functools.cache(functools.partial(is_undo, tenant_id))


def _roles(tenant_id: uuid.UUID, actor: uuid.UUID) -> tuple[str, ...]:
    """Return what a member holds now; nothing where they are none."""
    authority = authority_of_member(tenant_id, actor)
    return () if authority is None else tuple(sorted(authority.roles))


def decided_on(new: NewExecution, *, ungoverned: bool = False) -> Decided:
    """Return what is decided about a new execution; `ungoverned`: it is known that the tenant has
    no policies. Raises Invalid as `check_new` does, for what was asked for."""
    check_new(new)
    return _decided(new, [] if ungoverned else to_ask(new.tenant_id), _Facts(new.tenant_id))


def decided_again(execution: Execution, asked: Mapping[str, Any]) -> Decided:
    """Return what would be decided now about an execution that was `asked` for so."""
    undoes_id, why = execution.undoes_id, execution.compensation or {}
    return decided_on(
        NewExecution(
            tenant_id=execution.tenant_id,
            capability=execution.capability,
            input=asked["input"],
            mode=asked["mode"],
            requested_by=execution.requested_by_id,
            reason=execution.reason,
            reversibility=execution.reversibility,
            case_id=execution.case_id,
            binding=execution.binding,
            undoes=None if undoes_id is None else (execution.undoes_type, undoes_id),
            expected_state_version=execution.expected_state_version,
            batch_id=execution.batch_id,
            asked_by=tuple(uuid.UUID(each) for each in why.get("asked_by", ())),
        )
    )


def decided_on_many(calls: Sequence[NewExecution]) -> list[Decided]:
    """Return the same of calls of one tenant, in their order up to the first that is refused; with
    none of them `check_new` finds anything wrong.

    What the calls need of jq next is asked in one exchange for all: the conditions, then what
    policies change, then the conditions after that. So attempts grow with the changes of one call,
    and not with the calls. Nothing is asked about calls after one that is refused.

    Raises NotAskedYet.
    """
    rows, facts = to_ask(calls[0].tenant_id), _Facts(calls[0].tenant_id)
    decided: list[Decided] = []
    missing: list[NotAskedYet] = []
    refused = False
    for call in calls:
        try:
            found = _decided(call, rows, facts)
        except NotAskedYet as unknown:
            if not refused:
                missing.append(unknown)
            continue
        if not refused:
            decided.append(found)
        refused = refused or found.refusal is not None
        if refused and not missing:
            break
        # After one that is refused, while others before it are open: what was asked about those
        # behind is used still, or this attempt would pass for one that has been overtaken.
    if missing:
        raise NotAskedYet.of_all(missing)
    return decided


def against_its_turn(execution: Execution) -> str:
    """Return why a call of a batch that was allowed when that was asked for is not run now that its
    turn has come: policies decide otherwise; "" where it is."""
    asked = asked_for(execution)
    try:
        decided = decided_again(execution, asked)
    except Refusal as unfit:
        return unfit.in_words
    if decided.refusal is not None:
        return decided.refusal.in_words
    if decided.waits:
        return _("others have to agree to it by now: ask for it by itself, not in a batch")
    new = decided.new
    same = new.mode == execution.mode and comparable(new.input) == comparable(execution.input)
    return "" if same else _("policies make something else of it by now")


def asked_for(execution: Execution) -> dict[str, Any]:
    """Return input and mode of an execution as they were before policies changed them."""
    asked = {"input": execution.input, "mode": execution.mode}
    for each in reversed(execution.decisions):
        asked |= each.get("from", {})
    return asked


def _decided(new: NewExecution, rows: Policies, facts: _Facts) -> Decided:
    """Return what these policies decide."""
    asked = {"input": new.input, "mode": new.mode}
    if not rows:
        return Decided(new, asked)

    def unfit(input_: dict[str, Any], mode: str) -> str:
        # What a case or an undo builds on has to have happened.
        builds = (new.case_id, new.undoes, new.batch_id)
        if mode != new.mode and any(each is not None for each in builds):
            return _("the mode of a step of a case, of a batch, or of an undo, is not changed")
        try:
            check_new(dataclasses.replace(new, input=input_, mode=mode))
        except Invalid as wrong:
            return wrong.in_words
        return ""

    verdict = decide_by(rows, _intent(new, facts), unfit=unfit)
    changed = dataclasses.replace(new, input=verdict.input, mode=verdict.mode)
    return Decided(
        changed, asked, verdict.decisions, verdict.steps, verdict.refusal, verdict.on_stale,
        verdict.left_out,
    )  # fmt: skip


def _takes_back(new: NewExecution, facts: _Facts) -> bool:
    """Whether it is asked for by itself, and is known as an undo. A step of a case is what its
    definition makes of it: one capability may go forward in one and back in another."""
    return new.case_id is None and facts.is_undo(new.capability)


def _intent(new: NewExecution, facts: _Facts) -> dict[str, Any]:
    """Return what policies are asked about."""
    found = capability_registry.get(new.capability)
    opener = None if new.case_id is None else next(iter(new.behind), None)
    named = facts.people((new.requested_by, *new.askers, *([opener] if opener else [])))
    person = named.get(new.requested_by)
    declared = UNSPECIFIED if found is None else found.reversibility
    compensates = None if new.undoes is None else {"type": new.undoes[0], "id": str(new.undoes[1])}
    case = None if new.case_id is None else {"type": "case", "id": str(new.case_id)}
    return {
        "subject": compensates or case,
        "operation": "undo" if compensates or _takes_back(new, facts) else "run",
        "capability": new.capability,
        "category": "" if found is None else found.category,
        "risk": UNSPECIFIED if found is None else found.risk,
        "reversibility": new.reversibility or declared,
        "blast_radius": UNSPECIFIED if found is None else found.blast_radius,
        "tags": [] if found is None else list(found.tags),
        "reason": new.reason,
        "requested_by": None if person is None else person.username,
        "asked_by": [named[each].username for each in new.askers if each in named],
        "opened_by": named[opener].username if opener in named else None,
        "roles": list(facts.roles(new.requested_by)),
        "input": new.input,
        "mode": new.mode,
        "case": None if case is None else case["id"],
        "step": new.binding or None,
        "compensates": compensates,
    }


def digest_of(decided: Decided, *, stale: str = "") -> str:
    """Return the digest of what is approved: what is run, in which state, and who has to agree.
    `stale`: at which version the state was found where that is why they are asked."""
    new = decided.new
    steps = decided.steps or ([ANY_APPROVER] if stale else [])
    return digest(
        {
            "action": "execute",
            "capability": new.capability,
            # Numbers of any size, which canonical JSON would refuse.
            "input": hashlib.sha256(payload_bytes(new.input)).hexdigest(),
            "mode": new.mode,
            "expected": new.expected_state_version,
            "undoes": None if new.undoes is None else [new.undoes[0], str(new.undoes[1])],
            "steps": steps_json(steps),
        }
    )


def stands(decided: Decided, execution: Execution, decisions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the policies decide as they did before: the same ones, unchanged, and with that about
    the same input. What a policy makes of it may rest on roles, which change."""

    def told(found: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any, Any]]:
        return [
            (each["id"], each["version"], each["effect"]) for each in found if "version" in each
        ]

    new = decided.new
    same = new.mode == execution.mode and comparable(new.input) == comparable(execution.input)
    return same and told(decided.decisions) == told(decisions)
