"""What an execution is opened with, and what is wrong with that. Nothing is written here."""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.acting import system_of
from compensation.subject import whole_of
from executions import capability_registry
from json_values.json_schema import problems
from json_values.limits import MAX_DEPTH, PAYLOAD_BYTES, TOLD_BYTES, TOLD_DEPTH
from json_values.pointers import FieldError
from ledger.errors import Invalid, check_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewExecution:
    """What an execution is opened with.

    `policy` says how its effect may be undone (stored form of a `CompensationPolicy`); what it
    leaves open is taken from the capability. `reversibility` None means the capability's own.
    `undoes` makes it a compensating execution and `compensation` then says why (DESIGN §8).
    `idempotency_key` None means the execution's own id. `performer`: the agent that may report its
    result; None means whom the capability names. `expected_state_version`: at which version the
    state has to be when it is run, "" for any. `batch_id` is the batch it is of, `batch_position`
    which call of that; all but the first are begun when their turn comes. `asked_by`: who else
    asked for it, beside `requested_by`.
    """

    tenant_id: uuid.UUID
    capability: str
    input: dict[str, Any]
    requested_by: uuid.UUID
    reason: str = ""
    mode: str = "commit"
    idempotency_key: str | None = None
    policy: dict[str, Any] = dataclasses.field(default_factory=dict)
    reversibility: str | None = None
    case_id: uuid.UUID | None = None
    binding: str = ""
    undoes: tuple[str, uuid.UUID] | None = None
    compensation: dict[str, Any] | None = None
    run_id: uuid.UUID | None = None
    performer: uuid.UUID | None = None
    expected_state_version: str = ""
    batch_id: uuid.UUID | None = None
    batch_position: int | None = None
    remote: dict[str, str] | None = None
    asked_by: tuple[uuid.UUID, ...] = ()

    @functools.cached_property
    def behind(self) -> Sequence[uuid.UUID]:
        """Who asked for what the whole does that it is a piece of, who opened it first."""
        whole = whole_of(self)
        return () if whole is None else whole[0].askers(self.tenant_id, whole[1])

    @functools.cached_property
    def askers(self) -> list[uuid.UUID]:
        """Who asked for it, none of them a system: `requested_by`, who asked beside them, and of
        what a whole does by itself whoever asked for that."""
        system = system_of(self.tenant_id).actor_id
        behind = self.behind if self.requested_by == system else ()
        found = dict.fromkeys((self.requested_by, *self.asked_by, *behind))
        return [actor for actor in found if actor != system]


def check_new(new: NewExecution) -> None:
    """Raise Invalid where one may not be opened: unknown capability or mode, input that breaks the
    capability's schema (JSON pointers under /input), simulation that it does not offer."""
    found = capability_registry.get(new.capability)
    if new.mode not in capability_registry.MODES:
        known = {"known": ", ".join(capability_registry.MODES)}
        raise Invalid.field("/mode", _("must be one of %(known)s") % known)
    made = new.case_id is not None or new.undoes is not None
    # What a case, or an undo, tells a program is made of values that were accepted one by one.
    limit, depth = (TOLD_BYTES, TOLD_DEPTH) if made else (PAYLOAD_BYTES, MAX_DEPTH)
    check_json(new.input, "/input", limit=limit, depth=depth)
    if found is None:
        if new.case_id is None:
            known = {"known": ", ".join(sorted(capability_registry.names())) or _("none")}
            said = _("no capability is named %(name)r; known: %(known)s")
            raise Invalid.field(
                "/capability", said % {"name": new.capability, **known}, code="unknown_capability"
            )
        return
    broken = problems(found.input_schema, new.input, "/input")
    if broken:
        raise does_not_fit(new.capability, broken)
    if new.mode == "simulate" and found.simulation is None:
        said = _("%(capability)s cannot simulate") % {"capability": new.capability}
        raise Invalid.field("/mode", said, code="no_simulation")
    if new.expected_state_version and found.state_version is None:
        said = _("%(capability)s reports no state version to compare with")
        raise Invalid.field(
            "/expected_state_version", said % {"capability": new.capability}, code="unsupported"
        )


def does_not_fit(capability: str, broken: Sequence[FieldError]) -> Invalid:
    """Return the refusal of an input that breaks the schema of its capability."""
    said = _("The input does not fit %(capability)s.") % {"capability": capability}
    return Invalid(said, errors=broken)
