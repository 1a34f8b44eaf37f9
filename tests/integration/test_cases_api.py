"""The whole loan over REST: deploy, open, preview, execute, repair; problems as promised."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.casework import (
    BASIS,
    CONTEXT,
    LOAN,
    REASON,
    UNDO_STEPS,
    approved_loan,
    open_undo,
    plan_for,
    undo,
)
from tests.clients import api
from tests.draining import drain
from tests.states import work
from tests.world import World

V1 = "/api/v1"


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(
        f"{V1}{path}",
        json.dumps({} if body is None else body),
        content_type="application/json",
        headers=headers,
    )


def test_a_definition_is_deployed_as_yaml_and_read_back(world: World) -> None:
    operator = api(world.operator)
    sent = operator.post(f"{V1}/case-definitions", LOAN, content_type="application/yaml")
    assert sent.status_code == 201, sent.content
    where = sent.headers["Location"]
    assert where == f"{V1}/case-definitions/examples/loan-approval/1.0.0"
    read = api(world.analyst).get(where)
    assert read.json()["source"] == LOAN
    assert read.json()["deployed_by"] == world.operator.username
    (listed,) = operator.get(f"{V1}/case-definitions").json()["results"]
    assert (listed["namespace"], listed["name"]) == ("examples", "loan-approval")
    graph = operator.get(f"{where}/graph").json()
    assert {"source": "pay-back", "target": "disbursement"} in graph["edges"]
    assert graph["gaps"] == []
    other = LOAN.replace("Value the property", "Value it")
    again = operator.post(f"{V1}/case-definitions", other, content_type="application/yaml")
    assert (again.status_code, again.json()["code"]) == (409, "definition_exists")


def test_a_list_of_definitions_reads_their_summaries_and_nothing_else_in_them(world: World) -> None:
    operator = api(world.operator)
    sent = operator.post(f"{V1}/case-definitions", LOAN, content_type="application/yaml")
    assert sent.json()["summary"] != ""
    with CaptureQueriesContext(connection) as captured:
        (listed,) = operator.get(f"{V1}/case-definitions").json()["results"]
    assert listed["summary"] == sent.json()["summary"]
    column = '"cases_casedefinition"."compiled"'
    [read] = [q["sql"] for q in captured.captured_queries if column in q["sql"]]
    assert (read.count(column), read.count(f"{column} ->> 'summary'")) == (1, 1)


def test_a_broken_definition_is_told_line_by_line(world: World) -> None:
    operator = api(world.operator)
    broken = LOAN.replace("compensate: pay-back", "compensate: nowhere")
    for path in ("/case-definitions", "/case-definitions/validate"):
        sent = operator.post(f"{V1}{path}", broken, content_type="application/yaml")
        assert (sent.status_code, sent.json()["code"]) == (422, "definition_invalid")
        (error,) = sent.json()["errors"]
        assert error["pointer"] == "/spec/bindings/3/compensate"
        assert error["message"].startswith("line ")
    assert operator.get(f"{V1}/case-definitions").json()["results"] == []
    good = operator.post(f"{V1}/case-definitions/validate", LOAN, content_type="application/yaml")
    assert good.json()["valid"] is True


def test_a_case_is_opened_and_read(world: World) -> None:
    operator = api(world.operator)
    operator.post(f"{V1}/case-definitions", LOAN, content_type="application/yaml")
    refused = post(operator, "/cases", {"definition": "examples/nothing", "context": []})
    assert refused.status_code == 422
    assert [e["pointer"] for e in refused.json()["errors"]] == ["/definition", "/context"]
    sent = post(operator, "/cases", {"definition": "examples/loan-approval", "context": CONTEXT})
    assert sent.status_code == 201, sent.content
    drain()
    case = operator.get(sent.headers["Location"])
    body = case.json()
    assert case.headers["ETag"] == f'"v{body["version"]}"'
    assert body["definition"]["version"] == "1.0.0"
    assert (body["status"], body["live_run"], body["parent"]) == ("RUNNING", None, None)
    allowed = {each["action"]: each["allowed"] for each in body["available_actions"]}
    assert allowed == {
        "suspend": True, "resume": False, "retry": False, "cancel": True,
        "close": False, "compensation-plan": True,
    }  # fmt: skip
    (item,) = operator.get(f"{V1}/cases/{body['id']}/plan-items").json()["results"]
    assert (item["binding"], item["type"], item["status"]) == (
        "credit-check",
        "work_item",
        "ACTIVE",
    )
    timeline = operator.get(f"{V1}/cases/{body['id']}/timeline").json()["results"]
    assert [entry["action"] for entry in timeline] == ["created", "opened"]
    listed = operator.get(f"{V1}/cases?status=RUNNING&definition=examples/loan-approval").json()
    assert [each["id"] for each in listed["results"]] == [body["id"]]
    assert operator.get(f"{V1}/cases?status=OPEN").status_code == 422


def test_the_loan_is_rolled_back_over_rest(world: World) -> None:
    case_id = approved_loan(world)
    operator = api(world.operator)
    sent = post(
        operator,
        f"/cases/{case_id}/compensation-plan",
        {"scope": {"kind": "whole"}, "reason": REASON, "regulatory_basis": BASIS},
    )
    assert sent.status_code == 201, sent.content
    plan = sent.json()
    assert plan["subject"] == {"type": "case", "id": str(case_id)}
    assert [s["original"]["name"] for s in plan["steps"]] == [
        "disbursement", "approval", "valuation", "credit-check",
    ]  # fmt: skip
    assert plan["steps"][1]["completed_by"] == world.underwriter.username
    assert sent.headers["ETag"] == f'"{plan["digest"]}"'
    read = operator.get(sent.headers["Location"])
    assert read.headers["ETag"] == f'"{plan["digest"]}"'
    execute = f"/compensation-plans/{plan['id']}/execute"
    key, tag = uuid.uuid4().hex, f'"{plan["digest"]}"'
    assert post(operator, execute).status_code == 428
    assert post(operator, execute, **{"If-Match": tag}).status_code == 428
    assert post(operator, execute, **{"Idempotency-Key": key}).status_code == 428
    wrong = post(operator, execute, **{"Idempotency-Key": key, "If-Match": '"abc"'})
    assert (wrong.status_code, wrong.json()["code"]) == (412, "plan_stale")
    assert wrong.json()["difference"] == {
        "added": [], "removed": [], "reordered": False, "excluded": [],
    }  # fmt: skip
    started = post(operator, execute, **{"Idempotency-Key": key, "If-Match": tag})
    assert started.status_code == 202, started.content
    run = started.json()
    assert run["undo_progress"] == {
        "done": 0, "failed": 0, "waiting": 0, "remaining": 4, "total": 4,
    }  # fmt: skip
    again = post(operator, execute, **{"Idempotency-Key": key, "If-Match": tag})
    assert (again.status_code, again.json()["id"]) == (202, run["id"])
    drain()
    case = operator.get(f"{V1}/cases/{case_id}").json()
    assert (case["status"], case["live_run"]) == ("COMPENSATING", run["id"])
    for who, _ in UNDO_STEPS:
        undo(world.of(who), case_id)
    ended = operator.get(f"{V1}/compensation-runs/{run['id']}").json()
    assert ended["status"] == "COMPLETED"
    assert ended["undo_progress"]["done"] == 4
    assert [step["attempts"][0]["outcome"] for step in ended["steps"]] == ["DONE"] * 4
    assert operator.get(f"{V1}/cases/{case_id}").json()["status"] == "COMPENSATED"
    (listed,) = operator.get(f"{V1}/compensation-runs?case={case_id}").json()["results"]
    assert listed["id"] == run["id"]


def test_a_failed_step_is_decided_about_over_rest(world: World) -> None:
    case_id = approved_loan(world)
    operator = api(world.operator)
    plan = plan_for(world, case_id)
    started = post(
        operator,
        f"/compensation-plans/{plan.id}/execute",
        **{"Idempotency-Key": uuid.uuid4().hex, "If-Match": f'"{plan.digest}"'},
    )
    run_id = started.json()["id"]
    drain()
    work(world.underwriter, open_undo(world.underwriter, case_id).id, "CANNOT_REVERSE")
    drain()
    run = operator.get(f"{V1}/compensation-runs/{run_id}").json()
    assert (run["status"], run["steps"][1]["status"]) == ("FAULTED", "FAILED")
    allowed = {each["action"]: each["allowed"] for each in run["steps"][1]["available_actions"]}
    assert all(allowed.values())
    steps = f"/compensation-runs/{run_id}/steps/2"
    assert post(operator, f"{steps}/abandon").status_code == 422
    assert (
        post(operator, f"{steps}/abandon", {"reason": "x"}, **{"If-Match": '"v1"'}).status_code
        == 412
    )
    assert post(operator, f"/compensation-runs/{run_id}/steps/9/retry").status_code == 404
    unknown = post(operator, f"{steps}/reassign", {"assignee": "nobody"})
    assert [e["pointer"] for e in unknown.json()["errors"]] == ["/assignee"]
    handed = post(operator, f"{steps}/reassign", {"assignee": world.analyst.username})
    assert handed.status_code == 200, handed.content
    assert handed.json()["steps"][1]["status"] == "RUNNING"
    assert len(handed.json()["steps"][1]["attempts"]) == 2
    work(world.analyst, open_undo(world.analyst, case_id).id, "REVERSED")
    drain()
    assert operator.get(f"{V1}/compensation-runs/{run_id}").json()["steps"][1]["status"] == "DONE"


@pytest.mark.parametrize("kind", ["work-items", "executions"])
def test_one_item_is_undone_by_plan(world: World, kind: str) -> None:
    case_id = approved_loan(world)
    operator = api(world.operator)
    binding = "approval" if kind == "work-items" else "disbursement"
    items = operator.get(f"{V1}/cases/{case_id}/plan-items").json()["results"]
    (target,) = [item["target_id"] for item in items if item["binding"] == binding]
    sent = post(operator, f"/{kind}/{target}/compensation-plan", {"reason": REASON})
    assert sent.status_code == 201, sent.content
    (step,) = sent.json()["steps"]
    assert step["original"]["id"] == target
    denied = post(api(world.analyst), f"/{kind}/{target}/compensation-plan", {"reason": REASON})
    assert denied.status_code == 403
    hidden = post(api(world.outsider), f"/{kind}/{target}/compensation-plan", {"reason": REASON})
    assert hidden.status_code == 404
