"""The outcomes of an item as JSON: how people call them, and whether they can be given now."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from executions.api.execution_json import Schema
from workitems.outcome_standing import standings
from workitems.words import said_outcome


class OutcomeSchema(Schema):
    """An outcome that may be given: what people read for it, and its condition, in jq."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field takes this name's place
    when = serializers.CharField(allow_null=True, help_text="Null: it may always be given.")
    allowed = serializers.BooleanField(
        allow_null=True,
        help_text="Whether it can be given now, of an open item that is read by itself;"
        " null: only an answer tells, or nobody has looked.",
    )
    reason = serializers.CharField(
        allow_null=True, help_text="Why it can, or cannot, be given now, as people say it."
    )


def represent_outcome(item: Any, name: str) -> dict[str, Any]:
    """Return an outcome of an item, without looking at its condition."""
    when = item.outcome_rules.get(name, {}).get("when")
    said = {"name": name, "label": said_outcome(item, name), "when": when}
    return {**said, "allowed": None if when else True, "reason": None}


def with_standings(shape: dict[str, Any], item: Any) -> dict[str, Any]:
    """Return the shape of an item that also says which outcomes can be given now, and why."""
    known = standings(item)
    told = [
        {**each, "allowed": known[each["name"]].allowed, "reason": known[each["name"]].reason}
        if each["name"] in known
        else each
        for each in shape["outcomes"]
    ]
    return {**shape, "outcomes": told}
