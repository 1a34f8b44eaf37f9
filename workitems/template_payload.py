"""What the template that an item was made from asks of the item's payload, also later."""

from __future__ import annotations

import uuid
from typing import Any

from json_values import json_schema
from json_values.pointers import FieldError
from workitems.models import WorkItem
from workitems.selectors import template


def not_as_template_asks(item: WorkItem, payload: dict[str, Any]) -> list[FieldError]:
    """Return what is wrong with another payload; nothing where no template asks for one.

    A version of a template never changes, so it is asked itself. The description that it put there
    was not asked about then, and is not now while it stays as it is.
    """
    if item.template is None:
        return []
    content = template(item.tenant_id, uuid.UUID(item.template["id"])).content
    schema = content.get("input_schema")
    if not schema:
        return []
    found = json_schema.problems(schema, payload, "/payload")
    before = item.payload.get("description") if content.get("description") else None
    if found and before is not None and payload.get("description") == before:
        rest = {name: value for name, value in payload.items() if name != "description"}
        found = json_schema.problems(schema, rest, "/payload")
    return found
