"""Lists to choose people and groups from, beside a form that asks for their names.

A field asks for one by `list="people"` or `list="groups"` of its widget. Names may still be typed:
a group need not exist, and a long list is not offered whole.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django import template
from django.forms import BaseForm
from django.template import Context

from accounts.selectors import offered_groups, offered_people
from web.membership import place_of

register = template.Library()
#: So many are offered; whoever is further down is typed.
MOST = 200
_READERS: Mapping[str, Callable[[uuid.UUID], list[tuple[str, str]]]] = {
    "people": lambda tenant_id: offered_people(tenant_id, MOST),
    "groups": lambda tenant_id: [(name, "") for name in offered_groups(tenant_id, MOST)],
}


@register.inclusion_tag("components/name_lists.html", takes_context=True)
def name_lists(context: Context, form: BaseForm) -> dict[str, Any]:
    """Return the lists that fields of `form` choose from, each once a page: one query each."""
    request = context.get("request")
    place = None if request is None else place_of(request)
    if place is None:
        return {"lists": []}
    given = request.__dict__.setdefault("name_lists_given", set())
    asked = {field.widget.attrs.get("list") for field in form.fields.values()} & _READERS.keys()
    wanted = sorted(asked - given)
    given.update(wanted)
    tenant_id = place.acting.tenant_id
    return {"lists": [{"id": name, "options": _READERS[name](tenant_id)} for name in wanted]}
