"""How a row of a tenant names another row of it, as a column of a model."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import PROTECT

#: The key itself is a composite one, (tenant, id), in the SQL of a migration; and an index without
#: the tenant in it would be written at every change of a row and read by nobody: every query names
#: the tenant first.
LINK: dict[str, Any] = {"db_constraint": False, "db_index": False}


def without_index(
    model: str, name: str, to: str, related_name: str = "+", on_delete: Any = PROTECT, **more: Any
) -> migrations.AlterField:
    """Return the operation of a migration that takes the index of such a column away."""
    column = models.ForeignKey(to, on_delete, related_name=related_name, **LINK, **more)
    return migrations.AlterField(model, name, column)
