"""Who may act forward: cases by those whom their definition names, programs by those whom their
capability allows, results by whom they were given to, and nothing by who only audits."""

from __future__ import annotations

from typing import Any

import pytest

from cases.actions import deploy_definition, open_case
from executions import capability_registry
from executions.actions import record_result, request_execution
from executions.capability_registry import Invocation, Result, capability
from executions.models import Execution
from ledger.errors import Invalid, NotPermitted
from ledger.tenancy import tenant_scope
from tests.casework import counted, deploy, opened
from tests.definitions import automated, definition, human
from tests.world import World
from verbs.call import Call
from workitems.actions import claim, create_work_item

WHY = "the original is lost"


def _does(call: Invocation) -> Result:
    return Result({"attempt": call.attempt})


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    capability("test.open", allowed_roles=["approver", "agent"])(_does)
    capability("test.plain")(_does)
    capability("test.does", undone_by="test.undoes")(_does)
    capability("test.undoes", allowed_roles=["member", "agent"])(_does)


def ask(world: World, who: str, name: str, **more: Any) -> Execution:
    return request_execution(call=Call(world.of(who)), capability=name, input={}, **more)


def refused(world: World, who: str, name: str) -> None:
    before = counted(world)
    with pytest.raises(NotPermitted):
        ask(world, who, name)
    assert counted(world) == before


@pytest.mark.parametrize("who", ["bystander", "analyst", "approver", "auditor", "agent"])
def test_a_plain_capability_is_for_operators(world: World, who: str) -> None:
    refused(world, who, "test.plain")
    assert ask(world, "operator", "test.plain").status == "PENDING"
    assert ask(world, "admin", "test.plain").status == "PENDING"


def test_a_capability_may_allow_others(world: World) -> None:
    assert ask(world, "approver", "test.open").status == "PENDING"
    assert ask(world, "agent", "test.open").status == "PENDING"
    refused(world, "bystander", "test.open")
    refused(world, "auditor", "test.open")


@pytest.mark.parametrize("who", ["bystander", "agent", "auditor"])
def test_what_undoes_something_is_for_operators_with_a_reason(world: World, who: str) -> None:
    refused(world, who, "test.undoes")
    with pytest.raises(Invalid) as without:
        ask(world, "operator", "test.undoes")
    assert without.value.errors[0].pointer == "/reason"
    assert ask(world, "operator", "test.undoes", reason=WHY).status == "PENDING"


def test_what_a_definition_undoes_by_is_no_forward_program(world: World) -> None:
    undo = {
        "name": "back", "compensation": True, "capability": "test.open", "inputMapping": "{}",
    }  # fmt: skip
    forward = human("go", compensation=None, compensate="back")
    assert ask(world, "approver", "test.open").status == "PENDING"
    deploy(world, definition("backed", forward, undo, success=".go"))
    refused(world, "approver", "test.open")
    with pytest.raises(Invalid):
        ask(world, "operator", "test.open")
    assert ask(world, "operator", "test.open", reason=WHY).status == "PENDING"


def test_an_agent_reports_only_what_was_given_to_it(world: World) -> None:
    given = automated("given", "erp.given", "true", "{}")
    other = automated("other", "erp.other", "true", "{}")
    source = definition("erp", given, other, success=".given and .other")
    source["spec"]["capabilities"][0]["performer"] = world.agent.username
    deploy(world, source)
    case_id = opened(world, "tests/erp")
    with tenant_scope(world.operator.tenant_id):
        rows = {row.binding: row for row in Execution.objects.filter(case_id=case_id)}
    assert rows["given"].performer_id == world.agent.actor_id
    assert rows["other"].performer_id is None
    with pytest.raises(NotPermitted):
        record_result(rows["other"].id, call=Call(world.agent), outcome="succeeded")
    with pytest.raises(NotPermitted):
        record_result(rows["given"].id, call=Call(world.bystander), outcome="succeeded")
    done = record_result(rows["given"].id, call=Call(world.agent), outcome="succeeded", output={})
    assert done.status == "SUCCEEDED"


def test_an_unknown_performer_is_a_warning(world: World) -> None:
    source = definition("erp", automated("given", "erp.given", "true", "{}"), success=".given")
    source["spec"]["capabilities"][0]["performer"] = "nobody-of-this-name"
    row: Any = deploy_definition(call=Call(world.operator), source=source)
    assert [each.code for each in row.warnings if "nobody-of-this-name" in each.message] == [
        "unknown_person"
    ]


@pytest.mark.parametrize("word", ["write", "admin"])
def test_cases_are_opened_by_whom_the_definition_names(world: World, word: str) -> None:
    source = definition("closed", human("a"), success=".a")
    source["spec"]["authorization"] = {word: ["underwriters"]}
    deploy(world, source)
    before = counted(world)
    for who in ("analyst", "operator", "auditor"):
        with pytest.raises(NotPermitted):
            open_case(call=Call(world.of(who)), definition="tests/closed", context={})
    assert counted(world) == before
    made = open_case(call=Call(world.underwriter), definition="tests/closed", context={})
    assert made.status == "RUNNING"


def test_other_cases_are_opened_by_members_but_not_by_who_only_audits(world: World) -> None:
    deploy(world, definition("free", human("a"), success=".a"))
    for who in ("bystander", "operator", "agent", "approver"):
        made = open_case(call=Call(world.of(who)), definition="tests/free", context={})
        assert made.status == "RUNNING"
    with pytest.raises(NotPermitted):
        open_case(call=Call(world.auditor), definition="tests/free", context={})


def test_an_auditor_takes_no_work_even_when_it_is_offered(world: World) -> None:
    item = create_work_item(
        call=Call(world.operator), title="T", candidate_users=[world.auditor.username]
    )
    with pytest.raises(NotPermitted):
        claim(item.id, call=Call(world.auditor))
