"""Lists to choose people and groups from, beside a form that asks for their names.

A field asks for one by `list="people"` or `list="groups"` of its widget. Names may still be typed:
a group need not exist, and a long list is not offered whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.forms import BaseForm
from django.template import Context

from accounts.selectors import offered
from web.membership import place_of

register = template.Library()
#: So many are offered; whoever is further down is typed.
MOST = 200
_LISTS = frozenset({"people", "groups"})


@register.inclusion_tag("components/name_lists.html", takes_context=True)
def name_lists(context: Context, form: BaseForm | Mapping[str, Any]) -> dict[str, Any]:
    """Return the lists that fields of `form`, or of `filters` of components/chips.html, choose
    from, each once a page: one query."""
    request = context.get("request")
    place = None if request is None else place_of(request)
    if place is None:
        return {"lists": []}
    given = request.__dict__.setdefault("name_lists_given", set())
    wanted = sorted((_asked(form) & _LISTS) - given)
    given.update(wanted)
    found = offered(place.acting.tenant_id, wanted, MOST)
    return {"lists": [{"id": name, "options": options} for name, options in found.items()]}


def _asked(form: BaseForm | Mapping[str, Any]) -> set[str | None]:
    if isinstance(form, BaseForm):
        return {field.widget.attrs.get("list") for field in form.fields.values()}
    return {field.get("list") for field in form["fields"]}
