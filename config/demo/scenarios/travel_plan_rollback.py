"""A journey is called off after its tickets were issued: all that can be taken back is, each
booking by a rollback of its own; the tickets stay, on somebody's word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from config.demo.scenarios import casework, rollback_steps, travel_plan
from config.demo.scenarios.rollback_steps import Undoer
from config.demo.scenarios.stage import Stage, check_ledger
from config.demo.scenarios.travel_plan import BOOKINGS, FLIGHT, HOTEL

PEOPLE: Final = (*travel_plan.PEOPLE, "approver")
REASON: Final = "The conference was called off."
WAIVED: Final = "The airline repays no ticket of this fare; it is written off."
#: By the step that is undone; who chose an offer gives it up.
UNDOERS: Final = {
    "confirm": Undoer("analyst", "CORRECTED", "The traveller was told that it no longer holds."),
    "approve": Undoer("underwriter"),
}
#: The flight was booked last, so it goes first; within each booking the deposit before the choice.
_BOOKED: Final = ("hold", "choose", "book-flight", "hold", "choose", "book-hotel")


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Travel plan rollback at {stage.url}")
    accounts = casework.accounts_of_its_own(stage, traveller=FLIGHT + HOTEL, airline=0, hotel=0)
    case_id = travel_plan.open_journey(stage, accounts)
    below = travel_plan.book(stage, case_id)
    travel_plan.travel(stage, case_id)
    run_id = _call_off(stage, case_id)
    _check(stage, case_id, run_id, accounts, below)
    check_ledger(stage)


def _call_off(stage: Stage, case_id: str) -> str:
    stage.tell.chapter("The journey is called off")
    waive = [{"step": "issue-tickets", "reason": WAIVED}]
    found = rollback_steps.plan(stage, case_id, REASON, waive=waive)
    stage.tell.check(
        "the tickets cannot be taken back, and somebody says that they may stay",
        expected=[("issue-tickets", "irreversible", WAIVED)],
        found=[
            (each["original"]["name"], each["code"], each.get("waived"))
            for each in found["excluded"]
        ],
    )
    stage.tell.check(
        "both bookings are steps with what they did inside",
        expected={step: ["hold", "choose"] for step in BOOKINGS},
        found={
            step["original"]["name"]: [each["original"]["name"] for each in step["nested"]["steps"]]
            for step in found["steps"]
            if step["nested"]
        },
    )
    run_id = rollback_steps.execute(stage, found)
    rollback_steps.agree(stage, run_id, "what came before the tickets is undone")
    stage.tell.chapter("Everybody takes back their part, and each booking undoes itself")
    told: list[str] = []
    run = rollback_steps.see_through(stage, run_id, UNDOERS, told)
    stage.tell.say(f"The rollback is {run['status']}.")
    return run_id


def _check(
    stage: Stage,
    case_id: str,
    run_id: str,
    accounts: Mapping[str, str],
    below: Mapping[str, Mapping[str, Any]],
) -> None:
    stage.tell.chapter("Does it hold?")
    operator = stage.client("operator")
    run = rollback_steps.run_of(stage, run_id)
    order = rollback_steps.order_of(stage, run_id)
    stage.tell.check(
        "the last was undone first, each booking from within",
        expected=("confirm", {"pay-fare", "pay-stay"}, "approve", list(_BOOKED)),
        found=(order[0], set(order[1:3]), order[3], order[4:]),
    )
    case = operator.get(f"cases/{case_id}")
    stage.tell.check(
        "the case says that something stays",
        expected=("PARTIALLY_COMPENSATED", "PARTIAL", None),
        found=(case["status"], run["status"], case["live_run"]),
    )
    for step, booking in below.items():
        stage.tell.check(
            f"{step} is undone by its own rollback, a step of this one",
            expected=("COMPENSATED", "parent", run_id),
            found=(
                operator.get(f"cases/{booking['id']}")["status"],
                *_rollback_of(stage, run, booking["id"]),
            ),
        )
    casework.check_for_good(stage, case_id, "issue-tickets")
    casework.check_money(stage, accounts, traveller=FLIGHT + HOTEL, airline=0, hotel=0)


def _rollback_of(stage: Stage, run: Mapping[str, Any], case_id: str) -> tuple[str, str | None]:
    """Return what began the rollback of a booking, and of which one it is a step."""
    below = [rollback_steps.run_of(stage, each) for each in run["child_runs"]]
    found = next(each for each in below if each["subject"]["id"] == case_id)
    return found["trigger"], found["parent_run"]
