"""The verb that sends a signal to a case. It is stored, and heard by the engine, never here."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import SkipValidation, StringConstraints

from cases.actions.arrivals import (
    MOST_WAITING,
    SIGNALLED,
    hearing_signal,
    send_signal,
    too_many_wait,
)
from cases.lifecycle import SIGNAL
from cases.models import Case
from cases.selectors import compiled_of
from compensation.subject import Cause
from json_values.limits import PAYLOAD_BYTES
from ledger.errors import Conflict, Invalid, check_json
from verbs import catalogue
from verbs.body_size import at_most
from verbs.input import Input
from verbs.move import Moves
from verbs.shell import VerbContext

_LONGEST_NAME = 100


class Signal(Input):
    """A signal by its name, and what it says."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_NAME)]
    data: Annotated[Any, SkipValidation, at_most(PAYLOAD_BYTES)] = None


@catalogue.verb(
    Case.subject_type, SIGNAL, action=SIGNALLED, given=Signal, route="signals", beside=True,
)  # fmt: skip
def signal_case(case: Case, given: Signal, context: VerbContext) -> Case:
    """Send it a signal. The steps that hear it start, by the worker, if their conditions hold; one
    that is open starts once it is done, and a case on hold hears of it as it goes on."""
    definition = compiled_of(case.tenant_id, case.definition_id)
    check_json(given.data, "/data")
    if not hearing_signal(definition, given.name):
        known = {step.on_signal for step in definition.listening}
        raise Invalid.field("/name", _unheard(known), code="unknown")
    if too_many_wait(case):
        said = _("%(n)d signals, events or moments wait already for steps of this case.")
        said %= {"n": MOST_WAITING}
        raise Conflict(said, code="too_many_waiting", extra={"current_status": str(case.status)})
    moves = Moves()
    send_signal(
        case, definition, given.name, given.data, cause=Cause(context.by, None), moves=moves
    )
    moves.record()
    return case


def _unheard(names: set[str | None]) -> str:
    known = sorted(name for name in names if name)
    if not known:
        return _("no step of this case hears a signal")
    return _("no step of this case hears it; signals are: %(names)s") % {"names": ", ".join(known)}
