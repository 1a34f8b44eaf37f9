"""A journey is planned: flight and hotel are booked side by side, each in a case of its own, and
with the tickets a booking becomes one that nobody can take back.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from config.demo.scenarios import casework
from config.demo.scenarios.casework import Task
from config.demo.scenarios.stage import Stage, check_ledger

PEOPLE: Final = ("operator", "analyst", "surveyor", "underwriter")
FLIGHT: Final = 42_000
HOTEL: Final = 61_000
#: By step that opens a case below: who books there, what, and what that costs.
BOOKINGS: Final = {
    "book-flight": ("analyst", "Morning flight, two bags", FLIGHT),
    "book-hotel": ("surveyor", "Three nights by the river", HOTEL),
}


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Travel plan at {stage.url}")
    accounts = casework.accounts_of_its_own(stage, traveller=FLIGHT + HOTEL, airline=0, hotel=0)
    case_id = open_journey(stage, accounts)
    below = book(stage, case_id)
    case = travel(stage, case_id)
    _check(stage, case, accounts, below)
    check_ledger(stage)


def open_journey(stage: Stage, accounts: Mapping[str, str]) -> str:
    """Open the case and let somebody find offers; return its id. Raises as `play` does."""
    stage.tell.chapter("Somebody wants to travel")
    casework.deploy(stage, "travel-booking", "travel-plan")
    context = {
        "traveller": "R. Vega", "destination": "Lisbon",
        **{f"{called}_account": name for called, name in accounts.items()},
    }  # fmt: skip
    case_id = casework.open_case(stage, "operator", "travel-plan", context, "R. Vega to Lisbon")
    offers: dict[str, object] = {"flight": FLIGHT, "hotel": HOTEL}
    casework.do(stage, case_id, Task("research", "analyst", "FOUND", resolution=offers))
    return case_id


def book(stage: Stage, case_id: str) -> dict[str, dict[str, Any]]:
    """Let both bookings be made, and return their cases by step."""
    stage.tell.chapter("Flight and hotel are booked side by side, each in a case of its own")
    casework.check_together(stage, case_id, *BOOKINGS)
    below = {step: casework.waited_target(stage, case_id, step) for step in BOOKINGS}
    # The later one first: neither waits for the other.
    for step, (who, offer, _price) in reversed(BOOKINGS.items()):
        stage.tell.say(f"{'':<12} {stage.url}/cases/{below[step]}/")
        choice = Task("choose", who, "CHOSEN", resolution={"offer": offer})
        casework.do(stage, below[step], choice)
        casework.saw_program(stage, below[step], "hold")
    return {
        step: stage.until(f"{step} is done", partial(casework.case_at, stage, booking, "COMPLETED"))
        for step, booking in below.items()
    }


def travel(stage: Stage, case_id: str) -> dict[str, Any]:
    """Let it be approved, paid and confirmed; return the case. Raises as `play` does."""
    stage.tell.chapter("The journey is approved, paid, and no longer to be called off")
    casework.do(stage, case_id, Task("approve", "underwriter", "APPROVED"))
    casework.saw_program(stage, case_id, "pay-stay", "pay-fare", "issue-tickets")
    casework.do(stage, case_id, Task("confirm", "analyst", "SENT"))
    case = casework.completed(stage, case_id)
    stage.tell.say(f"The case {case['number']} is {case['status']}.")
    return case


def _check(
    stage: Stage,
    case: dict[str, Any],
    accounts: Mapping[str, str],
    below: Mapping[str, Mapping[str, Any]],
) -> None:
    stage.tell.chapter("Does it hold?")
    casework.check_steps(
        stage, case["id"], "research", tuple(BOOKINGS), "approve", ("pay-stay", "pay-fare"),
        "issue-tickets", "confirm",
    )  # fmt: skip
    for step, (_who, offer, price) in BOOKINGS.items():
        booking = below[step]
        stage.tell.check(
            f"{step} is a case below, {booking['number']}, and completed",
            expected=(case["id"], "COMPLETED", "travel-booking"),
            found=(booking["parent"], booking["status"], booking["definition"]["name"]),
        )
        kind = step.removeprefix("book-")
        taken_over = {kind: {"offer": offer, "price": price, "held": True}}
        casework.check_context(stage, f"the journey knows its {kind}", case, **taken_over)
    casework.check_milestones(stage, case, "held", "paid")
    casework.check_money(stage, accounts, traveller=0, airline=FLIGHT, hotel=HOTEL)
    casework.check_for_good(stage, case["id"], "issue-tickets")
