"""People whom values name because their schema says so: `format: person`, a username."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from accounts.selectors import actors_by_username
from json_values.declarations import texts_of_format
from json_values.json_schema import faults, problems
from json_values.pointers import MAX_GATHERED, FieldError

PERSON: Final = "person"
#: Of a problem that says that the value was not checked to its end.
_UNCHECKED: Final = "too_complex"


def faults_of_value(
    tenant_id: uuid.UUID, schema: Mapping[str, Any], value: Any, pointer: str
) -> list[FieldError]:
    """Return what a value breaks of its schema, and who is no active member of those whom it names
    by `format: person`, by pointer. In the tenant's scope; one query at most, for people only."""
    found = problems(schema, value, pointer)
    if any(each.code == _UNCHECKED for each in found) or f'"{PERSON}"' not in json.dumps(schema):
        return found
    if faults(schema, ""):
        # Stored before such schemas were refused; nothing fits it.
        return found
    named = texts_of_format(schema, value, PERSON, pointer)
    known = actors_by_username(tenant_id, {name for _at, name in named}) if named else {}
    found += [
        FieldError(
            at, _("no active member is called '%(name)s'") % {"name": name}, "unknown"
        ).shortened()
        for at, name in named
        if name not in known
    ]
    return sorted(found[:MAX_GATHERED], key=lambda each: each.pointer)
