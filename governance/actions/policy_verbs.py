"""Adding a policy, changing it, and ending it: verbs of tenant admins.

An expression that cannot be read is refused where it is written. What is decided by them: see
`governance.policy_verdict`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import Field, StringConstraints

from accounts.acting import Authority
from accounts.actions import lock_tenant, note_on_tenant
from accounts.roles import Role
from accounts.selectors import actors_named
from governance.lifecycle import Effect
from governance.models import Policy
from governance.policies import in_force
from json_values.jq.evaluation import check_syntax
from json_values.pointers import FieldError
from ledger.clock import now
from ledger.dispatch.consumer_registry import Trouble
from ledger.errors import Conflict, Invalid, NotFound
from verbs import catalogue
from verbs.input import EMPTIES, WHOLE, Input, Name, Names, Nothing, Text
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Locked

POLICY = "policy"
#: In force at once in one tenant; steps of approval that one asks for.
MOST, MOST_STEPS = 100, 10
_LARGEST = 1_000_000
_Expression = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)
]
_Priority = Annotated[int, WHOLE, Field(ge=0, le=_LARGEST)]
_Effect = Literal["allow", "deny", "modify", "require_approval"]
_OnStale = Literal["reject", "revalidate", "ask_again"]
_Severity = Literal["low", "medium", "high", "critical"]


class Deciders(Input):
    """Who decides one step: any one of these people, groups and roles."""

    users: Names = []
    groups: Names = []
    roles: list[Literal["approver", "operator", "auditor", "tenant_admin", "member"]] = []


_Steps = Annotated[list[Deciders], Field(max_length=MOST_STEPS)]


class NewPolicy(Input):
    """When it applies (jq over the intent), and what then becomes of the execution: the lowest
    priority is asked first."""

    name: Name
    priority: _Priority
    when: _Expression
    effect: _Effect
    reason: Text
    severity: _Severity = "medium"
    approvers: _Steps = []
    change: _Expression | None = None
    on_stale: _OnStale | None = None
    second_factor: bool = False


class PolicyChanges(Input):
    """What is to be otherwise; what is left out stays. `change` and `on_stale` may be null: then it
    says nothing of them any more."""

    name: Name | None = None
    priority: _Priority | None = None
    when: _Expression | None = None
    effect: _Effect | None = None
    reason: Text | None = None
    severity: _Severity | None = None
    approvers: _Steps | None = None
    change: Annotated[_Expression | None, EMPTIES] = None
    on_stale: Annotated[_OnStale | None, EMPTIES] = None
    second_factor: bool | None = None


def governs(_row: Any, authority: Authority, _facts: Any) -> str:
    """Say whether somebody writes the policies of the organisation."""
    return "" if Role.TENANT_ADMIN in authority.roles else "not_policy_admin"


def _locked(tenant_id: uuid.UUID, policy_id: uuid.UUID) -> Locked:
    """Lock the tenant, which has the entries about its policies, and then the policy."""
    lock_tenant(tenant_id)
    row = in_force(tenant_id).select_for_update(of=("self",)).filter(id=policy_id).first()
    if row is None:
        raise NotFound
    return Locked(row)


@catalogue.verb(
    POLICY, operation("create", None, None, "policy_admin"), action="policy_added",
    given=NewPolicy, creates=True, status=201, again_on="governance_policy_once",
    page=False, no_button="The page of policies has a form for it.",
)  # fmt: skip
def add_policy(_row: None, given: NewPolicy, context: VerbContext) -> Policy:
    """Let a policy be asked of every execution from now on."""
    tenant_id = context.call.by.tenant_id
    row = Policy(
        tenant_id=tenant_id, created_by_id=context.authority.actor_id, created_at=now(),
        change="", on_stale="",
    )  # fmt: skip
    _say(row, given)
    _check(row)
    # Under this lock nobody else adds one: of two at the last place the second is refused.
    lock_tenant(tenant_id)
    _check_name(row)
    if in_force(tenant_id).count() >= MOST:
        said = _("There are %(n)d policies: end one first.") % {"n": MOST}
        raise Conflict(said, code="too_many")
    row.save(force_insert=True)
    _note(row, "policy_added", context, shown(row))
    return row


@catalogue.verb(
    POLICY, operation("edit", None, None, "policy_admin"), action="policy_changed",
    given=PolicyChanges, method="PATCH", locked=_locked, again_on="governance_policy_once",
)  # fmt: skip
def change_policy(row: Policy, given: PolicyChanges, context: VerbContext) -> Policy:
    """Say otherwise when it applies, or what follows. What waits for approval is asked anew when it
    is approved."""
    before = shown(row)
    _say(row, given)
    after = shown(row)
    if after == before:
        return row
    _check(row)
    _check_name(row)
    row.version += 1
    row.save()
    _note(row, "policy_changed", context, {"from": before, "to": after})
    return row


@catalogue.verb(
    POLICY, operation("end", None, None, "policy_admin"), action="policy_ended", method="DELETE",
    locked=_locked,
)  # fmt: skip
def end_policy(row: Policy, _given: Nothing, context: VerbContext) -> Policy:
    """Ask it of nothing any more. What it has decided stays on record."""
    row.ended_at = now()
    row.version += 1
    row.save(update_fields=["ended_at", "version"])
    _note(row, "policy_ended", context, {})
    return row


_AS_SAID = (
    "name", "priority", "when", "effect", "reason", "severity", "change", "on_stale",
    "second_factor",
)  # fmt: skip

#: What a policy may say nothing of.
_EMPTIED = frozenset({"change", "on_stale"})


def _say(row: Policy, given: NewPolicy | PolicyChanges) -> None:
    for name in _AS_SAID:
        said = getattr(given, name)
        if said is not None:
            setattr(row, name, said)
        elif name in _EMPTIED and name in given.model_fields_set:
            setattr(row, name, "")
    if given.approvers is not None:
        row.approvers = _steps(row.tenant_id, given.approvers)
    if isinstance(given, PolicyChanges) and given.effect is not None:
        _leave_behind(row, given)


def _leave_behind(row: Policy, given: PolicyChanges) -> None:
    """Take away what only another effect has, where nothing is said of it."""
    if row.effect != Effect.MODIFY and given.change is None:
        row.change = ""
    if row.effect != Effect.REQUIRE_APPROVAL:
        row.approvers = row.approvers if given.approvers is not None else []
        row.second_factor = bool(given.second_factor)


def _steps(tenant_id: uuid.UUID, said: Sequence[Deciders]) -> list[dict[str, Any]]:
    """Return the steps as they are kept. Raises Invalid for a name that is nobody: it never widens
    who may approve, and a step that nobody can decide never ends."""
    known = actors_named(tenant_id, {name for step in said for name in step.users})
    found = []
    for index, step in enumerate(said):
        for place, name in enumerate(step.users):
            if name not in known:
                message = _("no member is called '%(name)s'") % {"name": name}
                raise Invalid.field(f"/approvers/{index}/users/{place}", message, code="unknown")
        if not (step.users or step.groups or step.roles):
            message = _("names nobody")
            raise Invalid.field(f"/approvers/{index}", message, code="required")
        users = [str(known[name]) for name in step.users]
        found.append({"users": users, "groups": list(step.groups), "roles": list(step.roles)})
    return found


def _check(row: Policy) -> None:
    """Raise Invalid for an expression that does not compile, and for what does not go together."""
    found = list(_at_odds(row))
    texts = {name: getattr(row, name) for name in ("when", "change") if getattr(row, name)}
    for name, problem in zip(texts, check_syntax(list(texts.values())), strict=True):
        if problem is None:
            continue
        if problem.code == "unavailable":
            raise Trouble(f"jq is not to be had: {problem.detail}") from problem
        found.append(FieldError(f"/{name}", problem.detail, "condition_invalid"))
    if found:
        raise Invalid(f"{found[0].pointer}: {found[0].message}", errors=found)


def _at_odds(row: Policy) -> Iterable[FieldError]:
    modifies = row.effect == Effect.MODIFY
    if modifies and not row.change:
        yield FieldError("/change", _("one that changes has to say to what"), "required")
    if row.change and not modifies:
        yield FieldError("/change", _("only one whose effect is modify changes"), "not_applicable")
    asks = row.effect == Effect.REQUIRE_APPROVAL
    for name in ("approvers", "second_factor"):
        if getattr(row, name) and not asks:
            message = _("only one whose effect is require_approval asks for it")
            yield FieldError(f"/{name}", message, "not_applicable")


def _check_name(row: Policy) -> None:
    others = in_force(row.tenant_id).filter(name=row.name)
    if others.exclude(id=row.id).exists():
        raise Invalid.field("/name", _("Another policy has this name."), code="name_taken")


def shown(row: Policy) -> dict[str, Any]:
    """Return what a policy says, as its entries keep it."""
    return {
        **{name: getattr(row, name) for name in _AS_SAID}, "approvers": row.approvers,
    }  # fmt: skip


def _note(row: Policy, action: str, context: VerbContext, said: Mapping[str, Any]) -> None:
    payloads: dict[str, object] = {
        "policy": row.name, **({"content": dict(said)} if said else {}),
    }  # fmt: skip
    note_on_tenant(row.tenant_id, action, by=context.by, payloads=payloads, kind="GOVERNANCE")
