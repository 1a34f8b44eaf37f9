"""Which parts of a statement name the tenant whose rows they read or change."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A table that a query, a query within one, a change or a deletion begins with, and what it is
# called there. What is joined to it is joined to a row that names its tenant.
_BEGINS = re.compile(r'\b(?:FROM|UPDATE) (?:public\.)?"?(\w+)"?(?: (?:AS )?"?(\w+)"?)?')
_WORDS = frozenset("where inner left join cross order limit group for union set".split())
# As far as one table's own conditions go.
_WITHIN = r"((?!\b(FROM|UPDATE|JOIN)\b).)*"


def unnamed_in(said: str, tables: set[str]) -> Iterator[str]:
    """Yield each part of a statement that is about a tenant's table without naming the tenant."""
    said = " ".join(said.split())
    for table, alias in _BEGINS.findall(said):
        called = alias if alias and alias.lower() not in _WORDS else table
        key = "id" if table == "accounts_tenant" else "tenant_id"
        if table in tables and not (
            re.search(rf'\b{called}"?\."?{key}"? (=|IN) ', said)
            or re.search(rf"\b(FROM|UPDATE) {table} {_WITHIN}(WHERE|AND) {key} = ", said)
        ):
            yield f"{table} in {said}"
