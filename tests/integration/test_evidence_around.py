"""The pack of one decision or one rollback: who approved it, what undid it, and no more."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from compensation.actions.waiting_runs import approve_run
from compensation.models import CompensationRun
from governance.models import Approval
from ledger.tenancy import tenant_scope
from tests import states
from tests.approvals import approve, ask, asked, finished, of_item
from tests.bare_python import Files, Verifier, put_bare
from tests.casework import finish, opened, roll_back, run_row, steps, undo
from tests.clients import api
from tests.definitions import human
from tests.draining import drain
from tests.integration.test_evidence import EXPORT, exported, lines
from tests.integration.test_governed_executions import policy
from tests.integration.test_windows import done
from tests.sealed import sealed
from tests.subcases import chain as levels
from tests.subcases import deploy_levels, statuses
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem


@pytest.fixture
def verifier(tmp_path: Path) -> Verifier:
    """What runs verify.py."""
    packages = tmp_path / "packages"
    packages.mkdir()
    return Verifier(put_bare(packages), tmp_path)


def chains(files: Files) -> set[str]:
    found: set[str] = set(json.loads(files["manifest.json"])["chains"])
    assert json.loads(files["manifest.json"])["parts"] == {}
    return found


def payload(files: Files, entry: uuid.UUID | str, name: str) -> object:
    [body] = (
        each["body"] for each in lines(files, "payloads.jsonl")
        if (each["entry"], each["name"]) == (str(entry), name)
    )  # fmt: skip
    said: object = json.loads(body)
    return said


def undo_of(world: World, item: uuid.UUID) -> uuid.UUID:
    with tenant_scope(world.operator.tenant_id):
        return WorkItem.objects.get(undoes_id=item).id


def test_the_pack_of_a_rollback_says_who_approved_what(world: World, verifier: Verifier) -> None:
    filed = human("filing", reversibility="irreversible", compensation={"strategy": "correct"})
    case_id = done(world, filed)
    run = roll_back(world, case_id)
    assert run.status == "PENDING_APPROVAL"
    approve_run(run.id, call=Call(world.approver), reason="The register agrees")
    drain()
    undo(world.analyst, case_id, "CORRECTED")
    assert run_row(world, run.id).status == "COMPLETED"
    other = asked(world)
    sealed(world.system.tenant_id)

    files = exported(world, f"subject=compensation_run:{run.id}")

    [step] = steps(world, run.id)
    with tenant_scope(world.operator.tenant_id):
        digest = run_row(world, run.id).plan.digest
    [approval] = (each for each in chains(files) if each.startswith("approval:"))
    assert chains(files) == {
        f"compensation_run:{run.id}", approval, f"work_item:{step.original_id}",
        f"work_item:{step.compensation_id}",
    }  # fmt: skip
    assert str(other.id) not in approval
    told = [json.loads(each["body"]) for each in lines(files, "entries.jsonl")]
    by_approval = [each for each in told if f"approval:{each['subject']['id']}" == approval]
    assert [(each["action"], each["actor"]["token"]) for each in by_approval] == [
        ("requested", str(world.operator.actor_id)), ("granted", str(world.approver.actor_id)),
    ]  # fmt: skip
    [began] = (each for each in told if each["action"] == "compensation_requested")
    assert payload(files, began["id"], "digest") == digest
    assert "The register agrees" in files["index.html"].decode()
    assert verifier.run(files) == (
        0, f"valid: {len(told)} entries of compensation_run:{run.id}",
    )  # fmt: skip


def test_the_pack_of_a_decision_has_its_approval_and_its_undo(
    world: World, verifier: Verifier
) -> None:
    item = finished(world)
    approval = ask(item, world.operator)
    approve(approval.id, call=Call(world.approver))
    made = undo_of(world, item.id)
    states.work(world.analyst, made, "REVERSED")
    # Of the same person, at the same time, about something else.
    elsewhere = asked(world)
    sealed(world.system.tenant_id)

    files = exported(world, f"subject=work_item:{item.id}")

    wanted = {f"work_item:{item.id}", f"work_item:{made}", f"approval:{approval.id}"}
    assert chains(files) == wanted
    assert elsewhere.id not in {each.id for each in of_item(item)}
    assert str(elsewhere.about_id) not in files["entries.jsonl"].decode()
    asked_for = states.history(world, "approval", approval.id)[0]
    said = payload(files, asked_for.id, "approves")
    assert isinstance(said, dict)
    assert said["digest"] == approval.digest
    assert verifier.run(files)[0] == 0
    # From its undo it is the same decision.
    assert chains(exported(world, f"subject=work_item:{made}")) == wanted


def test_a_decision_that_nobody_undid_is_told_of_alone(world: World, verifier: Verifier) -> None:
    item = states.completed(world.analyst)
    states.completed(world.analyst)
    sealed(world.system.tenant_id)
    files = exported(world, f"subject=work_item:{item.id}")
    assert chains(files) == {f"work_item:{item.id}"}
    assert verifier.run(files)[0] == 0
    outsiders = api(world.outsider).get(f"{EXPORT}?subject=work_item:{item.id}")
    assert outsiders.status_code == 404


def test_the_pack_of_a_decision_in_a_case_below_says_who_approved_the_rollback_above(
    world: World, verifier: Verifier
) -> None:
    """One agrees to the topmost rollback; those below are steps of it, and nobody is asked."""
    deploy_levels(world)
    policy(world, "require_approval", '.operation == "roll_back"')
    top = opened(world, "tests/top")
    middle, low = (case.id for case in levels(world, top)[1:])
    item = finish(world.analyst, low, "task", "OK")
    run = roll_back(world, top)
    assert run.status == "PENDING_APPROVAL"
    approve_run(run.id, call=Call(world.approver), reason="The register agrees")
    drain()
    undo(world.analyst, low)
    assert statuses(world, top) == ["COMPENSATED"] * 3
    other = asked(world)
    sealed(world.system.tenant_id)
    with tenant_scope(world.operator.tenant_id):
        runs = {
            each.about_id: each.id for each in CompensationRun.objects.filter(whole_type="case")
        }
        [approval] = Approval.objects.filter(about_id=run.id)
    assert {*runs} == {top, middle, low}

    files = exported(world, f"subject=work_item:{item}")

    assert chains(files) == {
        f"work_item:{item}", f"work_item:{undo_of(world, item)}", f"approval:{approval.id}",
        *(f"compensation_run:{id_}" for id_ in runs.values()),
    }  # fmt: skip
    assert f"approval:{other.id}" not in chains(files)
    assert "The register agrees" in files["index.html"].decode()
    assert verifier.run(files)[0] == 0
    # So does the pack of the rollback below.
    assert f"approval:{approval.id}" in chains(
        exported(world, f"subject=compensation_run:{runs[middle]}")
    )
