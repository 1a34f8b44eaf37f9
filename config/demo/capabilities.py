"""The demo's capabilities: one with a real effect and its undo, one that brings its own undo, one
that nothing takes back, and three that misbehave on call.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from config.demo.transfers import balances, move, open_accounts, set_balance, version_of
from executions.capability_registry import (
    Failed,
    Invocation,
    Permanent,
    Result,
    RetryPolicy,
    Trial,
    capability,
)


def _object(**properties: Mapping[str, object]) -> dict[str, Any]:
    """A schema of an object that has all of these properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


_ACCOUNT = {"type": "string", "minLength": 1, "maxLength": 100}
_MONEY = {"type": "integer", "format": "money", "currency": "EUR"}
_AMOUNT = {**_MONEY, "minimum": 1, "maximum": 10**15}
_BALANCE = {**_MONEY, "minimum": 0}
_TRANSFER = {
    **_object(**{"from": _ACCOUNT, "to": _ACCOUNT, "amount": _AMOUNT}),
    "additionalProperties": False,
}
#: What is in each account that a transfer touches, by its name.
_ACCOUNTS = {"type": "object", "additionalProperties": _BALANCE}
_BALANCES = {
    **_object(from_balance=_BALANCE, to_balance=_BALANCE),
    "additionalProperties": False,
}

#: Accounts that are there for the length of a trial.
_PAYER, _PAYEE = "a trial's payer", "a trial's payee"


def _open_trial(tenant_id: uuid.UUID) -> None:
    open_accounts(tenant_id, {_PAYER: 1_000, _PAYEE: 0})


def _version(call: Invocation) -> str:
    return version_of(call.tenant_id, [call.input["from"], call.input["to"]])


def _put_back(call: Invocation) -> Result:
    """Restore: what was in the account before it was set, as the image says."""
    account = call.input["account"]
    before = (call.original or {}).get("before") or {}
    if account not in before:
        raise Permanent(f"nobody kept what was in {account!r} before")
    return _set(call, lambda _now: int(before[account]))


def _book_back(call: Invocation) -> Result:
    """Correct: leave what was done since, and take back only the difference that it made."""
    made = ((call.original or {}).get("output") or {}).get("difference", 0)
    return _set(call, lambda now: now - int(made))


def _set(call: Invocation, wanted: Callable[[int], int]) -> Result:
    done = set_balance(
        call.tenant_id, call.idempotency_key, account=call.input["account"], wanted=wanted
    )
    account = call.input["account"]
    return Result(
        {"difference": done.output[account] - (done.before or {})[account]}, done.before, done.after
    )


@capability(
    "demo.transfer",
    input_schema=_TRANSFER,
    output_schema=_BALANCES,
    image_schema=_ACCOUNTS,
    reversibility="compensable",
    undone_by="demo.reverse-transfer",
    simulates=True,
    state_version=_version,
    category="payments",
    tags=["money"],
    risk="medium",
    blast_radius="single",
    side_effect="idempotent",
    rolls_back=True,
    trial=Trial({"from": _PAYER, "to": _PAYEE, "amount": 250}, _open_trial, balances),
    description="Moves an amount (minor units) from one demo account to another.",
)
def transfer(call: Invocation) -> Result:
    """Move the amount."""
    return _moved(call, source=call.input["from"], target=call.input["to"])


@capability(
    "demo.reverse-transfer",
    input_schema=_TRANSFER,
    output_schema=_BALANCES,
    image_schema=_ACCOUNTS,
    simulates=True,
    category="payments",
    tags=["money"],
    risk="medium",
    blast_radius="single",
    side_effect="idempotent",
    rolls_back=True,
    description="Moves the amount of an earlier transfer, given as it was, back to its source.",
)
def reverse_transfer(call: Invocation) -> Result:
    """Move the amount the other way."""
    return _moved(call, source=call.input["to"], target=call.input["from"])


def _moved(call: Invocation, *, source: str, target: str) -> Result:
    done = move(
        call.tenant_id,
        call.idempotency_key,
        source=source,
        target=target,
        amount=int(call.input["amount"]),
        simulate=call.mode == "simulate",
    )
    output = {
        "from_balance": done.output[call.input["from"]],
        "to_balance": done.output[call.input["to"]],
    }
    return Result(output, done.before, done.after, done.state_version)


@capability(
    "demo.adjust",
    input_schema={
        **_object(account=_ACCOUNT, balance=_BALANCE),
        "additionalProperties": False,
    },
    output_schema=_object(difference=_MONEY),
    image_schema=_ACCOUNTS,
    reversibility="compensable",
    side_effect="idempotent",
    rolls_back=True,
    restore=_put_back,
    correct=_book_back,
    trial=Trial({"account": _PAYER, "balance": 250}, _open_trial, balances),
    description="Sets the balance of a demo account (minor units), whatever it is before.",
)
def adjust(call: Invocation) -> Result:
    """Set the balance."""
    return _set(call, lambda _now: int(call.input["balance"]))


@capability(
    "demo.file",
    input_schema=_object(
        to={"type": "string", "minLength": 1, "maxLength": 200, "title": "To"},
        subject={"type": "string", "minLength": 1, "maxLength": 500, "title": "Subject"},
    ),
    output_schema=_object(reference={"type": "string", "title": "Reference"}),
    reversibility="irreversible",
    side_effect="idempotent",
    rolls_back=True,
    description="Files something with somebody who keeps it: a reference, and no way back.",
)
def file(call: Invocation) -> Result:
    """Return the reference under which it is kept: of one filing always the same."""
    number = uuid.uuid5(call.tenant_id, call.idempotency_key).hex[:10].upper()
    return Result({"reference": f"F-{number}"})


@capability(
    "demo.flaky",
    input_schema=_object(fail_times={"type": "integer", "minimum": 0}),
    output_schema=_object(attempts={"type": "integer"}),
    description="Fails as often as asked, then works.",
)
def flaky(call: Invocation) -> Result:
    """Fail while the attempt is among the first `fail_times`."""
    if call.attempt <= call.input["fail_times"]:
        raise Failed(f"no answer at attempt {call.attempt}")
    return Result({"attempts": call.attempt})


@capability(
    "demo.fail",
    retry=RetryPolicy(max_attempts=3),
    description="Always fails, three times before it is given up.",
)
def fail(call: Invocation) -> Result:
    """Fail."""
    raise Failed(f"demo.fail never works (attempt {call.attempt})")


@capability(
    "demo.slow",
    input_schema=_object(seconds={"type": "number", "minimum": 0, "maximum": 600}),
    max_seconds=660,
    description="Takes the given number of seconds, at most 600.",
)
def slow(call: Invocation) -> Result:
    """Take time."""
    time.sleep(call.input["seconds"])
    return Result({"seconds": call.input["seconds"]})
