"""Every (status, operation) pair of the lifecycle table, and who may do each operation."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.acting import ActingUser, authority_of
from compensation.models import CompensationAttempt
from executions.lifecycle import BatchStatus, ExecutionStatus
from executions.models import Batch, Execution
from ledger.errors import Conflict, NotFound, NotPermitted, Refusal
from ledger.tenancy import tenant_scope
from tests import states
from tests.world import World
from verbs.call import Call
from verbs.operation import Operation
from workitems import actions, selectors
from workitems.lifecycle import LIFECYCLE, Status
from workitems.models import WorkItem

Verb = Callable[[uuid.UUID, ActingUser], Any]
# Neither creating nor editing moves a status by a method.
NO_TRANSITION = {"create", "edit", "change-owner"}
# What ends an undo, and what missed deadlines do.
SYSTEM_OPERATIONS = {"settle_compensated", "settle_faulted", "pass-on", "expire", "escalate"}
# Where an operation without a target leads: from `states.item_in`.
LEADS_TO = {"resume": Status.IN_PROGRESS, "decline-delegation": Status.ASSIGNED}
LATER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
VERBS: dict[str, Verb] = {
    "claim": lambda id_, by: actions.claim(id_, call=Call(by)),
    "release": lambda id_, by: actions.release(id_, call=Call(by)),
    "assign": lambda id_, by: actions.assign(id_, call=Call(by), assignee=by.username),
    "start": lambda id_, by: actions.start(id_, call=Call(by)),
    "stop": lambda id_, by: actions.stop(id_, call=Call(by)),
    "complete": lambda id_, by: actions.complete(id_, call=Call(by), outcome="PASSED"),
    "reject": lambda id_, by: actions.reject(id_, call=Call(by), reason="Not mine"),
    "fail": lambda id_, by: actions.fail(id_, call=Call(by), detail="No such file"),
    "delegate": lambda id_, by: actions.delegate(id_, call=Call(by), to=states.another(by)),
    "accept-delegation": lambda id_, by: actions.accept_delegation(id_, call=Call(by)),
    "decline-delegation": lambda id_, by: actions.decline_delegation(id_, call=Call(by)),
    "forward": lambda id_, by: actions.forward(id_, call=Call(by), candidate_groups=["surveyors"]),
    "suspend": lambda id_, by: actions.suspend(id_, call=Call(by)),
    "resume": lambda id_, by: actions.resume(id_, call=Call(by)),
    "skip": lambda id_, by: actions.skip(id_, call=Call(by), reason="Paid already"),
    "extend": lambda id_, by: actions.extend(id_, call=Call(by), due_at=LATER),
    "change-owner": lambda id_, by: actions.change_owner(
        id_, call=Call(by), owner=states.another(by)
    ),
    "cancel": lambda id_, by: actions.cancel(id_, call=Call(by), reason="No need"),
    "compensate": lambda id_, by: actions.compensate(id_, call=Call(by), reason="Forged"),
    "retry": lambda id_, by: actions.retry_compensation(id_, call=Call(by)),
    "reassign": lambda id_, by: actions.reassign_compensation(
        id_, call=Call(by), assignee=by.username
    ),
    "hand-to-human": lambda id_, by: actions.hand_to_human(id_, call=Call(by)),
    "attest": lambda id_, by: actions.attest(id_, call=Call(by), evidence="Receipt 7"),
    "abandon": lambda id_, by: actions.abandon(id_, call=Call(by), reason="Too small"),
    "withdraw": lambda id_, by: actions.withdraw(id_, call=Call(by)),
}


def operation(name: str) -> Operation:
    return LIFECYCLE[name]


def sources(row: Operation) -> frozenset[str]:
    assert row.sources is not None
    return row.sources


def traces(by: ActingUser, item: WorkItem) -> tuple[Any, ...]:
    """Return everything a refused verb must have left alone; that it was refused may be noted."""
    row = states.stored(by, item.id)
    with tenant_scope(by.tenant_id):
        values = WorkItem.objects.filter(id=item.id).values().get()
        undos = list(WorkItem.objects.filter(undoes_id=item.id).values_list("id", "version"))
    tries = [(a.number, a.outcome) for a in states.attempts(by, item.id)]
    changes = [each for each in states.history(by, "work_item", row.id) if each.kind != "REFUSAL"]
    return values, len(changes), undos, tries


def test_every_operation_is_listed_here() -> None:
    assert set(LIFECYCLE) == {*VERBS, *SYSTEM_OPERATIONS, "create", "edit"}


@pytest.mark.parametrize("name", sorted(SYSTEM_OPERATIONS))
def test_what_only_the_system_does_has_no_function_and_no_route(name: str) -> None:
    assert not hasattr(actions, name.replace("-", "_"))
    words = {name, name.replace("-", "_"), name.replace("_", "-")}
    assert [path for path in item_routes() if words & set(path.strip("/$").split("/"))] == []


def item_routes() -> list[str]:
    """Return the path of every route about work items."""

    def walk(resolver: URLResolver, prefix: str) -> list[str]:
        found: list[str] = []
        for each in resolver.url_patterns:
            path = prefix + str(each.pattern)
            if isinstance(each, URLPattern):
                found.append(path)
            else:
                found += walk(each, path)
        return found

    return [path for path in walk(get_resolver(), "") if "work-items" in path or "items/" in path]


@pytest.mark.parametrize("name", sorted(VERBS))
def test_an_operation_is_possible_from_its_sources_alone(world: World, name: str) -> None:
    by = world.operator
    row = operation(name)
    for status in Status:
        item = states.item_in(status, by)
        before = traces(by, item)
        if status in sources(row):
            VERBS[name](item.id, by)
            after = states.stored(by, item.id)
            target = row.target or LEADS_TO.get(name, status)
            assert (after.status, after.version) == (target, item.version + 1), status
            newest = states.history(by, "work_item", item.id)[-1]
            assert (newest.from_status, newest.to_status, newest.subject_version) == (
                status, target, after.version,
            )  # fmt: skip
            continue
        with pytest.raises(Conflict) as refused:
            VERBS[name](item.id, by)
        undone = name == "compensate" and status == Status.COMPENSATED
        assert refused.value.code == ("already_compensated" if undone else "illegal_state"), status
        assert traces(by, item) == before, status


def transitions(model: type[Model]) -> dict[str, tuple[set[str], str]]:
    """Return source and target of every FSM method of `model`; of one that goes back, all of those
    it may go back to."""
    found: dict[str, tuple[set[str], str]] = {}
    for name in dir(model):
        fsm = getattr(getattr(model, name, None), "_django_fsm", None)
        if fsm is not None:
            targets = {_target(each.target) for each in fsm.transitions.values()}
            assert len(targets) == 1, name
            found[name] = ({str(source) for source in fsm.transitions}, targets.pop())
    return found


def _target(said: Any) -> str:
    allowed = getattr(said, "allowed_states", None)
    return str(said) if allowed is None else " or ".join(map(str, allowed))


def test_the_methods_of_a_work_item_are_the_table() -> None:
    # Retry, reassign and hand-to-human are one transition: a new attempt.
    method = {"retry": "retry_compensation"}
    merged = {"reassign", "hand-to-human"}
    wanted = {
        method.get(row.name, row.method): (
            set(sources(row)),
            " or ".join(row.back) or str(row.target),
        )
        for row in LIFECYCLE.values()
        if row.name not in merged | NO_TRANSITION
    }
    assert transitions(WorkItem) == wanted
    retry = operation("retry")
    for name in merged:
        assert (operation(name).sources, operation(name).target) == (retry.sources, retry.target)


def test_the_methods_of_an_execution_are_the_design() -> None:
    s = ExecutionStatus
    wanted = {
        "dispatch": ({s.PENDING}, s.RUNNING),
        "succeed": ({s.PENDING, s.RUNNING, s.WAITING, s.UNCERTAIN}, s.SUCCEEDED),
        "retry": ({s.RUNNING}, s.PENDING),
        "wait": ({s.PENDING, s.RUNNING}, s.WAITING),
        "reject": ({s.PENDING_APPROVAL, s.PENDING, s.RUNNING}, s.REJECTED),
        "expire": ({s.PENDING_APPROVAL}, s.EXPIRED),
        "supersede": ({s.PENDING_APPROVAL}, s.SUPERSEDED),
        "ask_again": ({s.RUNNING}, s.PENDING_APPROVAL),
        "revalidate": ({s.RUNNING}, s.PENDING),
        "fail": ({s.PENDING, s.RUNNING, s.WAITING, s.UNCERTAIN}, s.FAILED),
        "give_up": ({s.PENDING, s.RUNNING, s.WAITING}, s.UNCERTAIN),
        "cancel": ({s.PENDING_APPROVAL, s.PENDING}, s.CANCELLED),
        "compensate": ({s.SUCCEEDED, s.UNCERTAIN}, s.COMPENSATING),
        "settle_compensated": ({s.COMPENSATING}, s.COMPENSATED),
        "settle_faulted": ({s.COMPENSATING}, s.COMPENSATION_FAULTED),
        "retry_compensation": ({s.COMPENSATION_FAULTED}, s.COMPENSATING),
        "attest": ({s.COMPENSATION_FAULTED}, s.COMPENSATED),
    }
    # Back to where the undo began: SUCCEEDED, or UNCERTAIN where nobody knows. What is approved is
    # for a worker, or for an outside party.
    back = {
        "abandon": {s.COMPENSATION_FAULTED},
        "withdraw": {s.COMPENSATING},
        "approve": {s.PENDING_APPROVAL},
    }
    found = transitions(Execution)
    assert {name: found.pop(name)[0] for name in back} == {
        name: {str(each) for each in sources} for name, sources in back.items()
    }
    assert found == {
        name: ({str(each) for each in sources}, str(target))
        for name, (sources, target) in wanted.items()
    }
    for unknown, status in ((False, s.SUCCEEDED), (True, s.UNCERTAIN)):
        row = Execution(status=s.COMPENSATING, outcome_unknown=unknown)
        row.withdraw()
        assert row.status == status


def test_the_methods_of_a_batch_are_the_design() -> None:
    b = BatchStatus
    wanted = {
        "complete": ({b.RUNNING}, b.COMPLETED),
        "fail": ({b.RUNNING}, b.FAILED),
        "start_rollback": ({b.COMPLETED, b.FAILED, b.PARTIALLY_COMPENSATED}, b.COMPENSATING),
        "stop_rollback": ({b.COMPENSATING}, b.COMPENSATION_FAULTED),
        "continue_rollback": ({b.COMPENSATION_FAULTED}, b.COMPENSATING),
        "settle_compensated": ({b.COMPENSATING}, b.COMPENSATED),
        "settle_partially": ({b.COMPENSATING}, b.PARTIALLY_COMPENSATED),
    }
    found = transitions(Batch)
    assert found.pop("settle_back")[0] == {str(b.COMPENSATING)}
    assert found == {
        name: ({str(each) for each in sources}, str(target))
        for name, (sources, target) in wanted.items()
    }


# Who is who for an item of the analysts that `analyst` has in hand, or completed, and for whose
# undo `approver` asked. Everybody else of the cast has no relation to it.
CAST = ("analyst", "candidate", "bystander", "operator", "admin", "requester", "agent", "outsider")
OPERATING = {"operator", "admin"}
MAY: dict[str, tuple[Status, set[str]]] = {
    "claim": (Status.PENDING, {"analyst", "candidate"}),
    "start": (Status.ASSIGNED, {"analyst"}),
    "release": (Status.ASSIGNED, {"analyst", *OPERATING}),
    "assign": (Status.IN_PROGRESS, OPERATING),
    "stop": (Status.IN_PROGRESS, {"analyst"}),
    "complete": (Status.IN_PROGRESS, {"analyst"}),
    "reject": (Status.ASSIGNED, {"analyst"}),
    "fail": (Status.IN_PROGRESS, {"analyst"}),
    "delegate": (Status.IN_PROGRESS, {"analyst", *OPERATING}),
    "accept-delegation": (Status.DELEGATED, {"candidate"}),
    "decline-delegation": (Status.DELEGATED, {"candidate"}),
    "forward": (Status.PENDING, OPERATING),
    "suspend": (Status.PENDING, OPERATING),
    "resume": (Status.SUSPENDED, {"analyst", *OPERATING}),
    "skip": (Status.PENDING, OPERATING),
    "extend": (Status.PENDING, OPERATING),
    "change-owner": (Status.PENDING, OPERATING),
    "cancel": (Status.PENDING, OPERATING),
    "compensate": (Status.COMPLETED, OPERATING),
    "retry": (Status.COMPENSATION_FAULTED, OPERATING),
    "reassign": (Status.COMPENSATION_FAULTED, OPERATING),
    "hand-to-human": (Status.COMPENSATION_FAULTED, OPERATING),
    "attest": (Status.COMPENSATION_FAULTED, OPERATING),
    "abandon": (Status.COMPENSATION_FAULTED, OPERATING),
    "withdraw": (Status.COMPENSATING, {"requester", *OPERATING}),
}


def _who(world: World, name: str) -> ActingUser:
    # The second analyst of the pool is the surveyor, named as a candidate; see `_prepared`.
    return world.of({"candidate": "surveyor", "requester": "approver"}.get(name, name))


def _prepared(world: World, status: Status) -> WorkItem:
    """Return an item of the analysts, worked on by `analyst`, in `status`."""
    analyst = world.analyst
    made = states.new_item(
        world.operator,
        candidate_groups=["analysts"],
        candidate_users=[world.surveyor.username],
        compensation={"self_undo": True},
        skippable=True,
    )
    if status == Status.PENDING:
        return states.stored(world, made.id)
    actions.claim(made.id, call=Call(analyst))
    if status == Status.ASSIGNED:
        return states.stored(world, made.id)
    if status == Status.SUSPENDED:
        return actions.suspend(made.id, call=Call(analyst))
    if status == Status.DELEGATED:
        return actions.delegate(made.id, call=Call(analyst), to=world.surveyor.username)
    actions.start(made.id, call=Call(analyst))
    if status == Status.IN_PROGRESS:
        return states.stored(world, made.id)
    actions.complete(made.id, call=Call(analyst), outcome="PASSED")
    if status in {Status.COMPENSATING, Status.COMPENSATION_FAULTED}:
        begun = states.compensate(made, world.operator)
        _ask_as(world, begun.attempt.id)
        if status == Status.COMPENSATION_FAULTED:
            states.undo(begun.attempt.compensation_id, analyst, "CANNOT_REVERSE")
    return states.stored(world, made.id)


def _ask_as(world: World, attempt_id: uuid.UUID) -> None:
    """Let `approver`, who may not compensate, be who asked: as after losing the operator's role."""
    with tenant_scope(world.system.tenant_id):
        attempt = CompensationAttempt.objects.get(id=attempt_id)
        attempt.requested_by_id = world.approver.actor_id
        attempt.request = {**attempt.request, "requested_by": str(world.approver.actor_id)}
        attempt.save()


def _expected(name: str, who: str) -> bool:
    # `_prepared` lets whoever completed it ask for its undo; without that see the next test.
    return who in MAY[name][1] or (name == "compensate" and who == "analyst")


@pytest.mark.parametrize("name", sorted(MAY))
def test_who_may(world: World, name: str) -> None:
    for who in CAST:
        acting = _who(world, who)
        item = _prepared(world, MAY[name][0])
        before = traces(world.operator, item)
        offered = None if who == "outsider" else _offered(item, acting)[name].allowed
        refusal = _tried(name, item, acting)
        if who == "outsider":
            assert isinstance(refusal, NotFound)
        elif _expected(name, who):
            assert (refusal, offered) == (None, True), who
            continue
        else:
            assert isinstance(refusal, NotPermitted), (who, refusal)
            assert not offered, who
        assert traces(world.operator, item) == before, who


def _tried(name: str, item: WorkItem, acting: ActingUser) -> Refusal | None:
    try:
        VERBS[name](item.id, acting)
    except Refusal as refusal:
        return refusal
    return None


def _offered(item: WorkItem, acting: ActingUser) -> Any:
    with tenant_scope(acting.tenant_id):
        (shown,) = selectors.show([selectors.get(item.tenant_id, item.id)], authority_of(acting))
        return {offer.action: offer for offer in shown.actions}


def test_who_completed_it_may_not_undo_it_unless_the_policy_says_so(world: World) -> None:
    item = states.completed(world.analyst)
    assert _offered(item, world.analyst)["compensate"].reason == "self_undo_not_allowed"
    with pytest.raises(NotPermitted):
        states.compensate(item, world.analyst)
    assert states.stored(world, item.id).status == Status.COMPLETED
    assert states.attempts(world, item.id) == []


def test_somebody_elses_item_may_not_be_undone_by_self_undo(world: World) -> None:
    item = states.completed(world.analyst, compensation={"self_undo": True})
    with pytest.raises(NotPermitted):
        states.compensate(item, world.surveyor)
    assert states.stored(world, item.id).version == 3


def test_a_lost_role_counts_at_once(world: World) -> None:
    item = states.completed(world.analyst)
    states.compensate(item, world.operator)
    states.change_roles(world, world.operator)
    second = states.completed(world.analyst)
    with pytest.raises(NotPermitted):
        states.compensate(second, world.operator)


def test_offers_and_verbs_agree_in_every_state(world: World) -> None:
    by = world.operator
    for status in Status:
        item = states.item_in(status, by)
        offered = {name for name, each in _offered(item, by).items() if each.allowed}
        assert offered == {n for n in VERBS if status in sources(operation(n))}, status
