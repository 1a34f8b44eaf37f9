"""A column of JSON that keeps the order in which its author wrote the members.

`jsonb` sorts them. Where people see the members (the fields of a form, the lines of a result), the
order is part of what the author said.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.types.json import Json
from typing_extensions import override


class OrderedJSONField(models.JSONField):
    """JSON as PostgreSQL's `json`. It is read whole: nothing is looked up inside."""

    @override
    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "json"

    @override
    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        return None if value is None else Json(value, dumps=json.dumps)

    @override
    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        # The driver has read it already.
        return value
