"""What the policies of a tenant make of one execution. Nothing is written here.

Policies are asked by ascending priority, as the rules of a firewall are: `allow` and `deny` have
the last word, `modify` changes what the next are asked about, `require_approval` adds its steps. A
condition that fails is a denial, with the failure as its reason. What needs jq is asked while
nothing is locked (`verbs.answered_outside`).
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from governance.approvers import ANY_APPROVER, Approvers
from governance.errors import DeniedByPolicy, SecondFactorRequired
from governance.lifecycle import Effect
from governance.models import Policy
from governance.policies import Policies, to_ask
from json_values.jq.evaluation import ExpressionFailed, Json, evaluate_many, is_true
from ledger.dispatch.consumer_registry import Trouble
from ledger.errors import Refusal

#: So many policies may change one execution. More of them never come to an end in any order.
MOST_CHANGES = 5
#: What a policy may change.
CHANGEABLE = ("input", "mode")
_LONGEST_DETAIL = 1000
# Why what a policy has changed cannot be run: (input, mode) → a sentence, "" where it can.
Unfit = Callable[[dict[str, Any], str], str]


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided: every policy that applied, and what comes of all of them.

    `refusal` is why it must not run; `steps` who has to agree before, in order, none for nobody;
    `on_stale` what happens where the state is not the expected one, "" where no policy says.
    `left_out`: it is refused only because a policy was not asked, for want of time.
    """

    input: dict[str, Any]
    mode: str
    decisions: Sequence[Mapping[str, Any]] = ()
    refusal: Refusal | None = None
    steps: Sequence[Approvers] = ()
    on_stale: str = ""
    left_out: bool = False


def decide(
    tenant_id: uuid.UUID,
    intent: Callable[[], Mapping[str, Any]],
    *,
    unfit: Unfit,
    without: Collection[str] = (),
) -> Verdict | None:
    """Return what the policies in force now say of an intent; None where there are none. One query,
    and what making the intent takes, which has `input` and `mode`. Policies of the effects
    `without` are not asked.

    Raises Trouble where jq does not answer: that decides nothing.
    """
    rows = to_ask(tenant_id, without=without)
    return decide_by(rows, intent(), unfit=unfit) if rows else None


def decide_by(rows: Policies, intent: Mapping[str, Any], *, unfit: Unfit) -> Verdict:
    """Return what these policies say of an intent, as `to_ask` has read them: for whoever asks them
    about many. Raises as `decide` does."""
    return _Deciding(dict(intent), unfit).of(rows)


@dataclasses.dataclass(slots=True)
class _Deciding:
    """How far the policies of one intent have been asked."""

    intent: dict[str, Any]
    unfit: Unfit
    decisions: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    steps: list[Approvers] = dataclasses.field(default_factory=list)
    refusal: Refusal | None = None
    on_stale: str = ""
    changes: int = 0
    left_out: bool = False

    def of(self, rows: Sequence[Policy]) -> Verdict:
        """Ask them all, those after a change about what it has made."""
        left = rows
        while left:
            left = self._ask(left)
        return Verdict(
            self.intent["input"], self.intent["mode"], self.decisions, self.refusal, self.steps,
            self.on_stale, self.left_out,
        )  # fmt: skip

    def _ask(self, rows: Sequence[Policy]) -> Sequence[Policy]:
        """Ask policies about the intent as it is now; return those that are still to be asked."""
        answers = evaluate_many([(row.when, self.intent) for row in rows])
        for place, (row, answer) in enumerate(zip(rows, answers, strict=True), start=1):
            try:
                applies = is_true(answer)
            except ExpressionFailed as failed:
                said = _("the condition of the policy could not be evaluated: %(why)s")
                self._deny(row, said % {"why": self._why(failed)})
                return ()
            if applies and self._applied(row):
                # What is left is asked about what there is now; nothing, after the last word.
                last = row.effect != Effect.MODIFY or self.refusal is not None
                return () if last else rows[place:]
        return ()

    def _applied(self, row: Policy) -> bool:
        """Note that a policy applies, and what follows; whether the next are not asked as yet."""
        if row.effect == Effect.DENY:
            self._deny(row, "")
            return True
        self._note(row, "")
        self.on_stale = self.on_stale or row.on_stale
        if row.effect == Effect.REQUIRE_APPROVAL:
            self._require(row)
            return self.refusal is not None
        if row.effect == Effect.MODIFY:
            self._change(row)
        return True

    def _require(self, row: Policy) -> None:
        if row.second_factor:
            self.refusal = SecondFactorRequired(row, "", self.decisions)
        self.steps += [_approvers(step) for step in row.approvers] or [ANY_APPROVER]

    def _change(self, row: Policy) -> None:
        """Take over what a policy makes of it; what cannot be run is refused."""
        self.changes += 1
        if self.changes > MOST_CHANGES:
            self._overrule(row, _("more than %(n)d policies change it") % {"n": MOST_CHANGES})
            return
        (made,) = evaluate_many([(row.change, self.intent)])
        problem = self._unusable(made)
        if problem or not isinstance(made, dict):
            self._overrule(row, _("what the policy makes of it: %(why)s") % {"why": problem})
            return
        # What was asked for is kept: it is what is decided about if that is done again.
        self.decisions[-1]["from"] = {name: self.intent[name] for name in sorted(made)}
        self.intent |= made

    def _unusable(self, made: Json | ExpressionFailed) -> str:
        if isinstance(made, ExpressionFailed):
            return self._why(made)
        if not isinstance(made, dict) or not made or not made.keys() <= set(CHANGEABLE):
            return _("it has to give an object with %(names)s") % {"names": " or ".join(CHANGEABLE)}
        changed = {**self.intent, **made}
        if not isinstance(changed["input"], dict) or not isinstance(changed["mode"], str):
            return _("input is an object, and mode a word")
        return self.unfit(changed["input"], changed["mode"])

    def _why(self, failed: ExpressionFailed) -> str:
        """Return why an expression failed, which denies it. Raises Trouble where that says nothing
        of it."""
        if failed.code == "unavailable":
            raise Trouble(f"jq is not to be had: {failed.detail}") from failed
        self.left_out = failed.left_out
        return f"{failed.detail} (in: {failed.expression})"[:_LONGEST_DETAIL]

    def _overrule(self, row: Policy, detail: str) -> None:
        """Deny what a policy would have changed."""
        self.decisions.pop()
        self._deny(row, detail)

    def _deny(self, row: Policy, detail: str) -> None:
        self._note(row, detail)
        self.decisions[-1]["effect"] = str(Effect.DENY)
        self.refusal = DeniedByPolicy(row, detail, self.decisions)

    def _note(self, row: Policy, detail: str) -> None:
        self.decisions.append(
            {
                "policy": row.name, "id": str(row.id), "version": row.version,
                "priority": row.priority, "effect": str(row.effect), "reason": row.reason,
                "severity": str(row.severity), **({"detail": detail} if detail else {}),
            }
        )  # fmt: skip


def _approvers(step: Mapping[str, Any]) -> Approvers:
    users = tuple(uuid.UUID(each) for each in step["users"])
    return Approvers(users=users, groups=tuple(step["groups"]), roles=tuple(step["roles"]))


def steps_json(steps: Sequence[Approvers]) -> list[dict[str, list[str]]]:
    """Return who has to agree, for a digest."""
    return [
        {"users": sorted(map(str, each.users)), "groups": sorted(each.groups),
         "roles": sorted(each.roles)}
        for each in steps
    ]  # fmt: skip
