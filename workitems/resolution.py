"""Is an outcome permitted, and does a resolution match its schema? Nothing is changed here."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.declared_people import faults_of_value
from compensation.planning import EXPLAINED_OUTCOMES
from json_values import json_schema
from json_values.characters import fault_of_line, is_visible
from json_values.pointers import FieldError
from ledger.errors import Invalid, check_json
from workitems.derivation import EXPLAINED_REVIEWS
from workitems.lifecycle import Kind

MAX_OUTCOME = 100
_EXPLAINED: Mapping[str, frozenset[str]] = {
    Kind.COMPENSATION: EXPLAINED_OUTCOMES,
    Kind.REVIEW: EXPLAINED_REVIEWS,
}


def check_schema(schema: Any, pointer: str) -> None:
    """Raise Invalid unless `schema` is a JSON Schema (draft 2020-12) that refers to nothing
    outside.
    """
    if not isinstance(schema, dict):
        raise Invalid.field(pointer, _("must be a JSON Schema object"))
    check_json(schema, pointer)
    found = json_schema.faults(schema, pointer)
    if found:
        raise Invalid(_("It is no usable JSON Schema."), errors=found)


def explained_outcomes(kind: str) -> frozenset[str]:
    """Return the outcomes of which an item of a kind must say why: an undo task's, where something
    of what was done stays or takes another form; a review's, where it does not stay as it was."""
    return _EXPLAINED.get(kind, frozenset())


def check_completion(
    outcome: Any,
    resolution: Any,
    reason: str = "",
    *,
    tenant_id: uuid.UUID,
    permitted: list[str],
    schema: dict[str, Any] | None,
    explained: Collection[str] = (),
) -> None:
    """Raise Invalid, with a JSON pointer for every broken rule, unless it may end like this.

    `explained` are the outcomes that need a reason. In the scope of the tenant, whose people a
    resolution may name.
    """
    errors: list[FieldError] = []
    if permitted and outcome not in permitted:
        message = _("must be one of %(known)s") % {"known": ", ".join(permitted)}
        errors.append(FieldError("/outcome", message, "outcome_not_permitted"))
    elif outcome is not None and (
        not isinstance(outcome, str) or not 0 < len(outcome) <= MAX_OUTCOME
    ):
        message = _("must be a text of 1 to %(n)d characters") % {"n": MAX_OUTCOME}
        errors.append(FieldError("/outcome", message))
    elif not permitted and outcome is not None and (fault := fault_of_line(outcome)):
        errors.append(FieldError("/outcome", fault[1], fault[0]))
    if outcome in explained and not is_visible(reason):
        errors.append(FieldError("/reason", _("Say why: this outcome needs a reason."), "required"))
    check_json(resolution, "/resolution")
    if schema is not None:
        errors += faults_of_value(tenant_id, schema, resolution, "/resolution")
    if errors:
        raise Invalid(_("The completion breaks a rule."), errors=errors)


def check_found(tenant_id: uuid.UUID, schema: dict[str, Any] | None, resolution: Any) -> None:
    """Raise Invalid unless this may be the resolution of an item that was not completed."""
    check_json(resolution, "/resolution")
    errors = faults_of_value(tenant_id, schema, resolution, "/resolution") if schema else []
    if errors:
        raise Invalid(_("The resolution breaks a rule."), errors=errors)
