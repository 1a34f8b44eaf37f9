"""The demo's capabilities: one with a real effect and its undo, three that misbehave on call."""

from __future__ import annotations

import time
from typing import Any

from config.demo.transfers import move
from executions.registry import Call, Result, RetryPolicy, capability

_TRANSFER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "from": {"type": "string", "minLength": 1, "maxLength": 100},
        "to": {"type": "string", "minLength": 1, "maxLength": 100},
        "amount": {"type": "integer", "minimum": 1, "maximum": 10**15},
    },
    "required": ["from", "to", "amount"],
    "additionalProperties": False,
}
_BALANCES: dict[str, Any] = {
    "type": "object",
    "properties": {
        "from_balance": {"type": "integer", "minimum": 0},
        "to_balance": {"type": "integer", "minimum": 0},
    },
    "required": ["from_balance", "to_balance"],
    "additionalProperties": False,
}


@capability(
    "demo.transfer",
    input_schema=_TRANSFER,
    output_schema=_BALANCES,
    reversibility="compensable",
    undone_by="demo.reverse-transfer",
    simulates=True,
    description="Moves an amount (minor units) from one demo account to another.",
)
def transfer(call: Call) -> Result:
    """Move the amount."""
    return _moved(call, source=call.input["from"], target=call.input["to"])


@capability(
    "demo.reverse-transfer",
    input_schema=_TRANSFER,
    output_schema=_BALANCES,
    simulates=True,
    description="Moves the amount of an earlier transfer, given as it was, back to its source.",
)
def reverse_transfer(call: Call) -> Result:
    """Move the amount the other way."""
    return _moved(call, source=call.input["to"], target=call.input["from"])


def _moved(call: Call, *, source: str, target: str) -> Result:
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
    return Result(output, done.before, done.after)


@capability(
    "demo.flaky",
    input_schema={
        "type": "object",
        "properties": {"fail_times": {"type": "integer", "minimum": 0}},
        "required": ["fail_times"],
    },
    output_schema={
        "type": "object",
        "properties": {"attempts": {"type": "integer"}},
        "required": ["attempts"],
    },
    description="Fails as often as asked, then works.",
)
def flaky(call: Call) -> Result:
    """Fail while the attempt is among the first `fail_times`."""
    if call.attempt <= call.input["fail_times"]:
        raise ConnectionError(f"no answer at attempt {call.attempt}")
    return Result({"attempts": call.attempt})


@capability(
    "demo.fail",
    retry=RetryPolicy(max_attempts=3),
    description="Always fails, three times before it is given up.",
)
def fail(call: Call) -> Result:
    """Fail."""
    raise ConnectionError(f"demo.fail never works (attempt {call.attempt})")


@capability(
    "demo.slow",
    input_schema={
        "type": "object",
        "properties": {"seconds": {"type": "number", "minimum": 0, "maximum": 30}},
        "required": ["seconds"],
    },
    description="Takes the given number of seconds, at most 30.",
)
def slow(call: Call) -> Result:
    """Take time."""
    time.sleep(call.input["seconds"])
    return Result({"seconds": call.input["seconds"]})
