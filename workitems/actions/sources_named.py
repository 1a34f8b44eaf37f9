"""What an item is said to be made of, checked before it is opened."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.utils.translation import gettext as _

from compensation.subject import read_rows
from json_values.pointers import FieldError
from workitems.derivation import SourceOf


def check_sources(
    given: Sequence[SourceOf], tenant_id: uuid.UUID, problems: list[FieldError]
) -> None:
    """Note what an item cannot be made of: what is not there, and what it names twice."""
    refs = [(each.type, uuid.UUID(each.id)) for each in given]
    known = read_rows(tenant_id, refs)
    for index, (type_, id_) in enumerate(refs):
        pointer = f"/derived_from/{index}/id"
        if id_ not in known or known[id_].subject_type != type_:
            problems.append(FieldError(pointer, _("there is no such thing here"), "unknown"))
        elif (type_, id_) in refs[:index]:
            problems.append(FieldError(pointer, _("is named twice"), "repeated"))
