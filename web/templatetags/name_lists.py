"""Lists to choose people and groups from, beside a form that asks for their names.

A field for one name asks for a list by `list="people"` or `list="groups"` of its widget; one for
several (`web.names_field`) has a box for each name instead. Names may still be typed: a group need
not exist, and a long list is not offered whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.forms import BaseForm, BoundField
from django.template import Context

from accounts.selectors import offered
from web.membership import place_of
from web.names_field import NamesInput, Offer

register = template.Library()
#: So many are offered; whoever is further down is typed.
MOST = 200
_LISTS = frozenset({"people", "groups"})


@register.inclusion_tag("components/name_lists.html", takes_context=True)
def name_lists(context: Context, form: BaseForm | Mapping[str, Any]) -> dict[str, Any]:
    """Return the lists that fields of `form`, or of `filters` of components/chips.html, choose
    one name from, each once a page; fields for several are given what they offer. One query for all
    that was not read for another form of the page."""
    request = context.get("request")
    place = None if request is None else place_of(request)
    if place is None:
        return {"lists": []}
    given: set[str] = request.__dict__.setdefault("name_lists_given", set())
    found: dict[str, list[Offer]] = request.__dict__.setdefault("name_lists_found", {})
    lists, several = _asked(form) & _LISTS, _several(form)
    wanted = sorted((lists | {each.of for each in several}) - found.keys())
    found |= offered(place.acting.tenant_id, wanted, MOST)
    for each in several:
        each.offered = found[each.of]
    fresh = sorted(lists - given)
    given.update(fresh)
    return {"lists": [{"id": name, "options": found[name]} for name in fresh]}


@register.filter
def boxes(field: BoundField) -> list[dict[str, Any]]:
    """Return the boxes of a field for several names; none where nothing is offered."""
    widget = field.field.widget
    if not isinstance(widget, NamesInput):
        return []
    return widget.boxes(field.value(), field.auto_id)


def _asked(form: BaseForm | Mapping[str, Any]) -> set[str]:
    if isinstance(form, BaseForm):
        return {field.widget.attrs.get("list", "") for field in form.fields.values()}
    return {field.get("list", "") for field in form["fields"]}


def _several(form: BaseForm | Mapping[str, Any]) -> list[NamesInput]:
    if not isinstance(form, BaseForm):
        return []
    widgets = (field.widget for field in form.fields.values())
    return [each for each in widgets if isinstance(each, NamesInput) and each.of in _LISTS]
