"""Tasks of steps that are made from a template of work items (`templateRef`).

The template is the newest version of that name when the step fires. What the definition says of the
task comes before what the template says; what both exclude is excluded.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from django.utils.translation import gettext as _

from compensation.policy import CompensationPolicy
from ledger.errors import Invalid
from verbs.input import read
from workitems.actions.item_contents import Create, new_item_of
from workitems.actions.item_opening import NewWorkItem
from workitems.actions.item_templates import made_from, merged
from workitems.selectors import live_templates

#: What is put together here, or was by the template.
_TOGETHER: Final = frozenset({"title", "payload", "policy", "excluded", "due_at", "template"})
#: Whom a task is for is said by one of the two.
_WHOM: Final = ("candidate_groups", "candidate_users", "people_missing")


def from_template(new: NewWorkItem, name: str, *, titled: bool) -> NewWorkItem:
    """Return the task that a step becomes, as a template has it; `new` is what the definition says,
    its title only where that is `titled`. Raises Invalid."""
    row = live_templates(new.tenant_id).filter(name=name).first()
    if row is None:
        raise Invalid.field("/templateRef", _("There is no template %(name)s.") % {"name": name})
    said: dict[str, Any] = {"payload": new.payload}
    body = merged(row.content, said | ({"title": new.title} if titled else {}))
    asked = read(Create, body)
    if asked.group is not None:
        problem = _("The items of template %(name)s come in groups: a step becomes one task.")
        raise Invalid.field("/templateRef", problem % {"name": name})
    plain = new_item_of(asked, new.tenant_id, new.created_by)
    if any(getattr(new, field) for field in _WHOM):
        plain = dataclasses.replace(
            plain, candidate_groups=(), candidate_users=(), people_missing=(), assignee_id=None
        )
    return dataclasses.replace(
        plain,
        **_said_otherwise(new),
        policy=_policy(new.policy, plain.policy),
        excluded=list(dict.fromkeys([*plain.excluded, *new.excluded])),
        due_at=min(filter(None, (plain.due_at, new.due_at)), default=None),
        template=made_from(row),
    )


def _said_otherwise(new: NewWorkItem) -> dict[str, Any]:
    """Return the fields of a task of which something is said."""
    usual = NewWorkItem(tenant_id=new.tenant_id, title="", created_by=new.created_by)
    return {
        field.name: value
        for field in dataclasses.fields(new)
        if field.name not in _TOGETHER
        and (value := getattr(new, field.name)) not in ((), [])
        and value != getattr(usual, field.name)
    }


def _policy(own: dict[str, Any], of_template: dict[str, Any]) -> dict[str, Any]:
    if not own or not of_template:
        return own or of_template
    both = (CompensationPolicy.from_json(each) for each in (own, of_template))
    return CompensationPolicy.merge(*both).to_json()
