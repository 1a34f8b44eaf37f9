"""Tries whether an undo really inverts: do and undo, and a look at the state before and after each.

What is tried must leave nothing. A capability whose effects lie in our own database (`rolls_back`)
is tried in a transaction that is put back; any other in its `sandbox`; what has neither is not
tried.
"""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction

from executions import capability_registry
from executions.capability_registry import Capability
from executions.handler_contract import Handler, Invocation, Later, Result
from json_values.comparison import same
from json_values.json_schema import problems
from ledger.ids import new_id
from ledger.tenancy import set_tenant

Image = Mapping[str, Any] | None
_STATES = ("before", "done", "done again", "undone", "undone again")


class Untried(Exception):
    """It cannot be tried; the text says why and what would have to be declared."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what has to hold, and whether it does."""

    rule: str
    holds: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Tried:
    """What a trial has found out. `where`: a transaction or a sandbox."""

    undone_by: str
    where: str
    states: Sequence[tuple[str, Image]]
    findings: Sequence[Finding]

    @property
    def inverts(self) -> bool:
        """Whether everything that has to hold does."""
        return all(each.holds for each in self.findings)


class _PutBack(Exception):
    """Ends the transaction of a trial, always."""


def try_undo(name: str, tenant_id: uuid.UUID, given: Mapping[str, Any] | None = None) -> Tried:
    """Do, do again with the same key, undo, undo again, and compare. `given` is the input, where
    that is not the capability's own. Raises Untried."""
    did, undo = _pair(name)
    trial = did.trial
    wanted = given if given is not None else None if trial is None else trial.input
    if wanted is None:
        raise Untried(f"{name} declares no `trial`; say its input with --input")
    broken = problems(did.input_schema, wanted, "/input")
    if broken:
        raise Untried(f"the input does not fit {name}: {broken[0].pointer}: {broken[0].message}")
    if did.sandbox is not None and undo.sandbox is not None:
        return _tried(did, undo, (did.sandbox, undo.sandbox), tenant_id, wanted)
    if not (did.rolls_back and undo.rolls_back):
        raise Untried(
            f"{name} and {undo.name} have to declare that a transaction put back takes all of it"
            " back (`rolls_back`), or a `sandbox` each: a trial must have no real effect"
        )
    if did.handler is None or undo.handler is None:
        raise Untried(f"{name} or {undo.name} is done by an agent, who cannot be asked to try")
    found: list[Tried] = []
    with contextlib.suppress(_PutBack), _one_transaction(tenant_id):
        if trial is not None and trial.prepare is not None:
            trial.prepare(tenant_id)
        found.append(_tried(did, undo, (did.handler, undo.handler), tenant_id, wanted))
        raise _PutBack
    return found[0]


def _pair(name: str) -> tuple[Capability, Capability]:
    did = capability_registry.get(name)
    if did is None:
        raise Untried(f"no capability is named {name!r}")
    if did.undone_by is None:
        raise Untried(f"{name} declares no undo (`undone_by`, `restore` or `correct`)")
    undo = capability_registry.get(did.undone_by)
    if undo is None:
        raise Untried(f"{name} is undone by {did.undone_by}, which nobody has registered")
    return did, undo


@contextlib.contextmanager
def _one_transaction(tenant_id: uuid.UUID) -> Iterator[None]:
    """Hold everything in one transaction, also what says that it commits by itself: a handler's
    `durable` transactions become parts of this one, which is put back."""
    whole = transaction.atomic()
    whole._from_testcase = True  # type: ignore[attr-defined]  # noqa: SLF001  -- what Django's own TestCase says for the same end
    with whole:
        set_tenant(tenant_id)
        yield


class _Broke(Exception):
    """A call did not end with a result; the text says which, and how it ended."""


def _tried(
    did: Capability,
    undo: Capability,
    handlers: tuple[Handler, Handler],
    tenant_id: uuid.UUID,
    given: Mapping[str, Any],
) -> Tried:
    where = "sandbox" if did.sandbox is handlers[0] else "transaction"
    look = None if did.trial is None else did.trial.look
    states: list[tuple[str, Image]] = []
    results: list[Result] = []

    def step(what: str, capability: Capability, handler: Handler, call: Invocation) -> None:
        result = _called(what, capability, handler, call)
        if look is None and not results:
            states.append((_STATES[0], result.before))
        states.append((what, result.after if look is None else look(tenant_id)))
        results.append(result)

    if look is not None:
        states.append((_STATES[0], look(tenant_id)))
    call = Invocation(
        input=dict(given), idempotency_key=str(new_id()), attempt=1, tenant_id=tenant_id,
        execution_id=new_id(), mode="commit",
    )  # fmt: skip
    try:
        step(_STATES[1], did, handlers[0], call)
        step(_STATES[2], did, handlers[0], dataclasses.replace(call, attempt=2))
        back = _undoing(call, results[0])
        step(_STATES[3], undo, handlers[1], back)
        step(_STATES[4], undo, handlers[1], dataclasses.replace(back, attempt=2))
    except _Broke as broke:
        return Tried(undo.name, where, states, [Finding(str(broke), holds=False)])
    return Tried(undo.name, where, states, _compared([image for _, image in states], results))


def _undoing(call: Invocation, done: Result) -> Invocation:
    """Return the call that takes back what `call` did."""
    original = {
        "input": call.input, "output": done.output, "before": done.before, "after": done.after,
    }  # fmt: skip
    return dataclasses.replace(
        call, idempotency_key=f"comp:{call.execution_id}:1", execution_id=new_id(),
        strategy="restore", undoes=("execution", call.execution_id), original=original,
    )  # fmt: skip


def _called(what: str, capability: Capability, handler: Handler, call: Invocation) -> Result:
    try:
        result = handler(call)
    except Exception as error:
        raise _Broke(f"{what}: {capability.name} did not work: {error}") from error
    if isinstance(result, Later):
        raise _Broke(f"{what}: {capability.name} answers later, which is not waited for here")
    if broken := problems(capability.output_schema, result.output, ""):
        fault = broken[0]
        raise _Broke(f"{what}: its output breaks the schema at {fault.pointer}: {fault.message}")
    return result


def _compared(states: Sequence[Image], results: Sequence[Result]) -> list[Finding]:
    """Compare the state before, done, done again, undone and undone again."""
    if None in states:
        said = "the state can be seen: images `before` and `after`, or a `look` of its trial"
        return [Finding(said, holds=False)]
    before, done, done_again, undone, undone_again = states
    one, other, back, back_again = (result.output for result in results)
    return [
        Finding("doing it changes something", not same(before, done)),
        Finding(
            "doing it again with the same key changes nothing, and answers the same",
            same(done, done_again) and same(one, other),
        ),
        Finding("undoing it leads back to how it was", same(before, undone)),
        Finding(
            "undoing it again with the same key changes nothing, and answers the same",
            same(undone, undone_again) and same(back, back_again),
        ),
    ]
