"""The state is compared just before the call, whoever died in between; and before an undo's."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from compensation.actions.plan_execution import execute
from executions import actions, capability_registry
from executions.actions import execution_attempts
from executions.capability_registry import Invocation, Result, RetryPolicy, capability
from executions.models import Execution
from governance.models import Approval
from ledger.tenancy import tenant_scope
from tests.bank import undo_of
from tests.casework import preview, run_row
from tests.draining import drain, expire_leases
from tests.integration.test_governed_executions import stored
from tests.world import World
from verbs.call import Call


class Setting:
    """A number that each call raises; `version` is that of the state."""

    def __init__(self) -> None:
        self.version = 1
        self.calls: list[str] = []
        self.restored: list[str] = []

    def set(self, call: Invocation) -> Result:
        """Raise it."""
        self.calls.append(call.expected_state_version)
        self.version += 1
        return Result({}, state_version=str(self.version))

    def put_back(self, call: Invocation) -> Result:
        """Lower it again."""
        self.restored.append(call.expected_state_version)
        self.version -= 1
        return Result({})


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Setting:
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    return Setting()


def declare(setting: Setting, **more: Any) -> None:
    capability(
        "test.set", state_version=lambda _call: str(setting.version),
        retry=RetryPolicy(max_attempts=3), **more,
    )(setting.set)  # fmt: skip


def asked(world: World, expected: str | None = "1") -> Execution:
    return actions.request_execution(
        call=Call(world.operator), capability="test.set", input={}, expected_state_version=expected
    )


def test_who_dies_before_the_call_leaves_the_state_to_be_compared_again(
    world: World, setting: Setting
) -> None:
    declare(setting)
    row = asked(world)
    begun = execution_attempts.begin(row.tenant_id, row.id)
    assert begun is not None
    # Its worker has found the state as expected, and dies; somebody changes it, and it is due anew.
    setting.version = 7
    expire_leases()
    drain()
    found = stored(world, row.id)
    assert (found.status, found.outcome_unknown, setting.calls) == ("REJECTED", False, [])
    assert "version 7, not at 1" in found.error


def test_who_dies_after_the_call_may_have_been_made_leaves_its_own_effect_alone(
    world: World, setting: Setting
) -> None:
    declare(setting)
    row = asked(world)
    begun = execution_attempts.begin(row.tenant_id, row.id)
    assert begun is not None
    assert execution_attempts.about_to_call(begun)
    setting.version = 2  # what its call has done
    expire_leases()
    drain()
    assert (stored(world, row.id).status, setting.calls) == ("SUCCEEDED", ["1"])


def test_who_was_taken_over_makes_no_call(world: World, setting: Setting) -> None:
    declare(setting)
    row = asked(world)
    first = execution_attempts.begin(row.tenant_id, row.id)
    expire_leases()
    second = execution_attempts.begin(row.tenant_id, row.id)
    assert first is not None
    assert second is not None
    assert not execution_attempts.about_to_call(first)
    assert execution_attempts.about_to_call(second)


def undone(world: World, row: Execution) -> Any:
    plan = preview(("execution", row.id), call=Call(world.operator), reason="Wrong")
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    return run


@pytest.mark.parametrize("version", [2, 9])
@pytest.mark.parametrize("on_stale", ["reject", "revalidate", "ask_again"])
def test_an_undo_of_ones_own_expects_the_state_that_was_left(
    world: World, setting: Setting, on_stale: str, version: int
) -> None:
    declare(setting, restore=setting.put_back, undo_expects_state=True, on_stale=on_stale)
    row = asked(world, None)
    drain()
    assert stored(world, row.id).state_version == "2"
    setting.version = version
    run = undone(world, row)
    back = undo_of(world, row)
    if version == 2:
        assert (back.status, setting.restored) == ("SUCCEEDED", ["2"])
        return
    if on_stale == "reject":
        assert (back.status, setting.restored) == ("REJECTED", [])
        assert stored(world, row.id).status == "COMPENSATION_FAULTED"
        assert run_row(world, run.id).status == "FAULTED"
    elif on_stale == "revalidate":
        assert (back.status, setting.restored) == ("SUCCEEDED", ["9"])
        assert stored(world, row.id).status == "COMPENSATED"
    else:
        assert (back.status, setting.restored) == ("PENDING_APPROVAL", [])
        actions.approve_execution(back.id, call=Call(world.approver))
        drain()
        assert (stored(world, back.id).status, setting.restored) == ("SUCCEEDED", ["9"])


def test_without_it_an_undo_of_ones_own_expects_none(world: World, setting: Setting) -> None:
    declare(setting, restore=setting.put_back)
    row = asked(world, None)
    drain()
    setting.version = 9
    undone(world, row)
    assert (undo_of(world, row).status, setting.restored) == ("SUCCEEDED", [""])
    with tenant_scope(world.operator.tenant_id):
        assert not Approval.objects.exists()


@pytest.mark.parametrize("lacks", ["state_version", "restore"])
def test_what_nobody_can_tell_is_not_expected(setting: Setting, lacks: str) -> None:
    said: dict[str, Any] = {
        "restore": setting.put_back, "state_version": lambda _call: "1", "undo_expects_state": True,
    }  # fmt: skip
    said.pop(lacks)
    name = f"test.lacks-{uuid.uuid4().hex[:6]}"
    with pytest.raises(ValueError, match="expects a state"):
        capability(name, **said)(setting.set)
    assert capability_registry.get(name) is None
