"""How a row of a tenant names another row of it, as a column of a model."""

from __future__ import annotations

from typing import Any

#: The key itself is a composite one, (tenant, id), in the SQL of a migration; and an index without
#: the tenant in it would be written at every change of a row and read by nobody: every query names
#: the tenant first.
LINK: dict[str, Any] = {"db_constraint": False, "db_index": False}
