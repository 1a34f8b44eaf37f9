"""Does an undo really invert? Trials leave nothing, and one that does not invert is caught."""

from __future__ import annotations

import functools
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.demo.transfers import balances, move, open_accounts, transfers
from executions import capability_registry
from executions.capability_registry import (
    Failed,
    Invocation,
    Later,
    Result,
    Trial,
    agent_capability,
    capability,
)
from tests.answering import LOOPBACK, Handler, Heard, answering
from tests.counting import declare_seats
from tests.subprocesses import manage
from tests.world import World

OPENED = {"bank": 1_000_000, "customer": 0}
MOVES = {"from": "bank", "to": "customer", "amount": 100}
RIGHT = """demo.transfer, undone by demo.reverse-transfer, tried in a transaction
  before:       {"a trial's payee": 0, "a trial's payer": 1000}
  done:         {"a trial's payee": 250, "a trial's payer": 750}
  done again:   {"a trial's payee": 250, "a trial's payer": 750}
  undone:       {"a trial's payee": 0, "a trial's payer": 1000}
  undone again: {"a trial's payee": 0, "a trial's payer": 1000}
  ok  doing it changes something
  ok  doing it again with the same key changes nothing, and answers the same
  ok  undoing it leads back to how it was
  ok  undoing it again with the same key changes nothing, and answers the same
demo.reverse-transfer inverts what it undoes; nothing of this trial is left
"""
LEADS_BACK = "NO  undoing it leads back to how it was"


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)


def check(world: World, name: str, **options: Any) -> tuple[int, str]:
    """Run the command; its exit status and what it printed."""
    out = StringIO()
    status: object = 0
    try:
        call_command("check_undo", name, tenant=world.slug, stdout=out, **options)
    except SystemExit as ended:
        status = ended.code
    return int(str(status)), out.getvalue()


def moving(factor: float, *, key: str = "") -> Any:
    """A handler that moves the amount times `factor` back, or by another key each time."""

    def handler(call: Invocation) -> Result:
        amount = round(call.input["amount"] * abs(factor))
        ends = ("from", "to") if factor > 0 else ("to", "from")
        source, target = (call.input[name] for name in ends)
        return move(
            call.tenant_id, call.idempotency_key + key * call.attempt,
            source=source, target=target, amount=amount, simulate=False,
        )  # fmt: skip

    return handler


def _says(result: Result, _call: Invocation) -> Result:
    return result


def planted(forward: Any, back: Any, **more: Any) -> None:
    trial = Trial(MOVES, open_accounts, balances)
    capability("test.do", undone_by="test.undo", rolls_back=True, trial=trial, **more)(forward)
    capability("test.undo", rolls_back=True)(back)


def test_the_demos_undo_inverts_and_leaves_nothing(world: World) -> None:
    assert check(world, "demo.transfer") == (0, RIGHT)
    assert balances(world.system.tenant_id) == {}
    open_accounts(world.system.tenant_id)
    assert check(world, "demo.transfer", input=json.dumps(MOVES))[0] == 0
    assert balances(world.system.tenant_id) == OPENED
    assert transfers(world.system.tenant_id) == []


def test_every_capability_of_the_demo_that_names_an_undo_passes(world: World) -> None:
    undone = [each for each in capability_registry.all_capabilities() if each.undone_by]
    demo = [each.name for each in undone if each.name.startswith("demo.")]
    assert demo == ["demo.adjust", "demo.transfer"]
    assert [check(world, name)[0] for name in demo] == [0, 0]


def test_as_a_command_it_says_so_by_its_exit_status(world: World) -> None:
    ended = manage("check_undo", "demo.transfer", "--tenant", world.slug)
    assert (ended.returncode, ended.stdout) == (0, RIGHT)
    ended = manage("check_undo", "demo.flaky", "--tenant", world.slug)
    assert ended.returncode == 1
    said = "demo.flaky was not tried: demo.flaky declares no undo"
    assert said in ended.stderr


@pytest.mark.parametrize("back", [-0.5, -2, 1])
def test_an_undo_that_does_not_invert_is_caught(world: World, back: float) -> None:
    planted(moving(1), moving(back))
    status, told = check(world, "test.do")
    assert status == 1
    assert LEADS_BACK in told or "undone: test.undo did not work" in told
    assert told.endswith(
        "test.undo does NOT invert what it undoes; nothing of this trial is left\n"
    )
    assert balances(world.system.tenant_id) == {}


def test_what_is_done_twice_with_one_key_is_caught(world: World) -> None:
    planted(moving(1, key="x"), moving(-1))
    status, told = check(world, "test.do")
    assert status == 1
    assert "NO  doing it again with the same key changes nothing, and answers the same" in told
    capability_registry._capabilities.clear()  # noqa: SLF001
    planted(moving(1), moving(-1, key="x"))
    status, told = check(world, "test.do")
    assert status == 1
    again = "undone again: test.undo did not work: account 'customer' holds 0"
    assert again in told


def test_what_changes_nothing_proves_nothing(world: World) -> None:
    nothing: Any = lambda _call: Result({})  # noqa: E731
    planted(nothing, nothing)
    status, told = check(world, "test.do")
    assert (status, "NO  doing it changes something" in told) == (1, True)


def test_without_a_look_the_images_are_compared(world: World) -> None:
    def fails(_call: Invocation) -> Result:
        raise Failed("closed")

    images = Result({}, {"n": 1}, {"n": 2})
    for back, holds in ((Result({}, {"n": 2}, {"n": 1}), True), (images, False)):
        capability_registry._capabilities.clear()  # noqa: SLF001
        restore = functools.partial(_says, back)
        capability("test.do", rolls_back=True, trial=Trial({}), restore=restore)(
            functools.partial(_says, images)
        )
        assert check(world, "test.do")[0] == (0 if holds else 1)
    capability("test.blind", rolls_back=True, trial=Trial({}), restore=fails)(
        lambda _call: Result({})
    )
    status, told = check(world, "test.blind")
    assert (status, "NO  undone: test.blind.undo did not work: closed" in told) == (1, True)
    capability("test.unseen", rolls_back=True, trial=Trial({}), restore=lambda _call: Result({}))(
        lambda _call: Result({})
    )
    status, told = check(world, "test.unseen")
    assert (status, "NO  the state can be seen" in told) == (1, True)
    capability("test.slow", rolls_back=True, trial=Trial({}), restore=fails)(
        lambda _call: Later("1")
    )
    assert "answers later" in check(world, "test.slow")[1]


def test_what_would_have_a_real_effect_is_not_tried(world: World) -> None:
    called: list[Invocation] = []

    def real(call: Invocation) -> Result:
        called.append(call)
        return Result({})

    agent_capability("test.agent", undone_by="test.undo", rolls_back=True, trial=Trial({}))
    planted(real, real)
    capability("test.real", undone_by="test.undo", trial=Trial({}))(real)
    capability("test.bare", undone_by="test.undo", rolls_back=True)(real)
    capability("test.lost", undone_by="test.gone")(real)
    wrong = {
        "test.real": "a trial must have no real effect",
        "test.agent": "is done by an agent",
        "test.bare": "say its input with --input",
        "test.lost": "is undone by test.gone, which nobody has registered",
        "demo.reverse-transfer": "declares no undo",
        "test.nobody": "no capability is named 'test.nobody'",
    }
    for name, said in wrong.items():
        with pytest.raises(CommandError, match=said):
            check(world, name)
    with pytest.raises(CommandError, match="--input is no JSON"):
        check(world, "test.do", input="{")
    with pytest.raises(CommandError, match=r"the input does not fit demo\.transfer: /input"):
        check(world, "demo.transfer", input="{}")
    with pytest.raises(CommandError, match="no tenant is called 'nowhere'"):
        call_command("check_undo", "test.do", tenant="nowhere")
    assert called == []


@pytest.mark.parametrize("inverts", [True, False])
def test_a_program_elsewhere_is_tried_in_its_sandbox(
    world: World, monkeypatch: pytest.MonkeyPatch, settings: Any, *, inverts: bool
) -> None:
    settings.AMENDS_EGRESS_ALLOW = [LOOPBACK]
    taken: dict[str, tuple[int, int]] = {}
    free = [5]

    def seats(handler: Handler, heard: Heard) -> None:
        change = -1 if heard.json["undoes"] is None else int(inverts)
        if heard.key not in taken:
            taken[heard.key] = (free[0], free[0] + change)
            free[0] += change
        before, after = taken[heard.key]
        handler.answer(200, {"output": {}, "before": {"free": before}, "after": {"free": after}})

    with answering(seats) as target:
        more: dict[str, Any] = {
            "images": True, "sandbox_url": target.url("/try"), "output_schema": {"type": "object"},
        }  # fmt: skip
        book: dict[str, Any] = {"undone_by": "test.free", "trial": Trial({"seat": 1})}
        declare_seats(monkeypatch, target, "test.book", **book, **more)
        declare_seats(monkeypatch, target, "test.free", **more)
        status, told = check(world, "test.book")
    assert (status, "tried in a sandbox" in told) == (0 if inverts else 1, True)
    assert {heard.path for heard in target.heard} == {"/try"}
    assert free == [5 if inverts else 4]
