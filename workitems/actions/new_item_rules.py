"""What an item to be says of its deadlines and of its undo: every broken rule is noted."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from accounts.selectors import actors_by_username
from compensation.policy import (
    UNSPECIFIED,
    CompensationPolicy,
    PolicyError,
    parse_policy,
    parse_reversibility,
)
from executions import capability_registry
from json_values.moments import NotAMoment
from json_values.pointers import FieldError
from ledger.clock import now
from ledger.errors import Invalid
from workitems.deadline_input import Deadlines
from workitems.deadlines import COMPLETION, kept, moment_of
from workitems.working_time import NeverOpen

#: As JSON, with a calendar's text beside them.
DEADLINES_BYTES = 128 * 1024


def nobody(name: str) -> str:
    """Return what is said of a name that is nobody's here."""
    return _("no active member is called %(name)r") % {"name": name}


def gather(problems: list[FieldError], check: Callable[[], Any]) -> Any:
    """Return what `check` returns; note what it refuses instead of stopping there."""
    try:
        return check()
    except (Invalid, PolicyError) as refused:
        problems.extend(refused.errors)
    return None


def deadlines_kept(
    deadlines: Deadlines | None, due_at: dt.datetime | None, problems: list[FieldError]
) -> tuple[dict[str, Any], dt.datetime | None]:
    """Return what the item keeps of its deadlines, and when it is due."""
    if deadlines is None:
        return {}, due_at
    if due_at is not None and deadlines.completion is not None:
        message = _("is said by due_at already; say one of them")
        problems.append(FieldError("/deadlines/completion", message))
    try:
        found = kept(deadlines, now())
    except (NeverOpen, NotAMoment) as wrong:
        problems.append(FieldError("/deadlines", _("the calendar %(what)s") % {"what": wrong}))
        return {}, due_at
    if len(json.dumps(found)) > DEADLINES_BYTES:
        message = _("must be at most %(n)d bytes of JSON") % {"n": DEADLINES_BYTES}
        problems.append(FieldError("/deadlines", message))
    completion = found.get("limits", {}).get(COMPLETION)
    return found, moment_of(completion) if completion else due_at


def how_undone(
    said: CompensationPolicy | None,
    reversible: str | None,
    tenant_id: uuid.UUID,
    problems: list[FieldError],
) -> tuple[CompensationPolicy, str]:
    """Read how the item may be undone; note what is wrong with it."""
    policy, reversibility = CompensationPolicy(), UNSPECIFIED
    if reversible is not None:
        reversibility = gather(
            problems, lambda: parse_reversibility(reversible, pointer="/reversibility")
        )
    if said is not None:
        read = gather(problems, lambda: parse_policy(said, pointer="/compensation"))
        policy = read or policy
    if policy.capability and capability_registry.get(policy.capability) is None:
        message = _("no capability is named %(name)r") % {"name": policy.capability}
        problems.append(FieldError("/compensation/capability", message, "unknown"))
    named = policy.people_named
    known = actors_by_username(tenant_id, [*named.values()]) if named else {}
    problems.extend(
        FieldError(f"/compensation/{place}", nobody(name), "unknown")
        for place, name in named.items()
        if name not in known
    )
    if policy.mode == "automated" and not policy.capability:
        message = _("mode automated needs a capability")
        problems.append(FieldError("/compensation/capability", message, "required"))
    return policy, reversibility
