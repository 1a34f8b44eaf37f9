"""What an undo task puts side by side: what was decided then, what is asked now, and what will be
true after each outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compensation.subject import whole_of
from compensation.words import OUTCOME_EFFECTS, STRATEGIES, outcome_label
from executions import capability_registry
from json_values.comparison import same
from json_values.declarations import expanded
from verbs.subject import Description, Ref, describe
from verbs.words import Text, said
from web.values import members_of
from workitems import selectors
from workitems.models import WorkItem

#: The parts of a snapshot that say what was decided, each with its plain name, in this order.
_THEN: Mapping[str, Text] = {
    "resolution": gettext_lazy("Result"),
    "output": gettext_lazy("Result"),
    "payload": gettext_lazy("About"),
    "input": gettext_lazy("About"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Declared:
    """The schemas of what an item was given, and, by member, of what it undoes and of the snapshot
    of that."""

    payload: Any
    then: Mapping[str, Any]
    snapshot: Mapping[str, Any]

    @property
    def under(self) -> list[tuple[Any, Any]]:
        """The values of the snapshot, each with its schema."""
        return [(self.snapshot.get(name), schema) for name, schema in self.then.items()]


def declared(item: WorkItem, links: Mapping[Ref, Description]) -> Declared:
    """Return what is declared of an item's values, and of those that it undoes: one query at most,
    and one a process for each definition. `links` tell what its case is made from."""
    snapshot = (item.compensation or {}).get("original_snapshot") or {}
    then = _schemas_of(item, snapshot, links)
    # An undo that says nothing of its own is given what its original was.
    own = _given(item, item.binding, links)
    return Declared(own or then.get("payload") or then.get("input"), then, snapshot)


def payload_schema(item: WorkItem) -> Any:
    """Return what is declared of what an item was given, where nothing of its case is read yet."""
    whole = whole_of(item)
    refs = [] if whole is None else [(whole[0].subject_type, whole[1])]
    return declared(item, describe(item.tenant_id, refs)).payload


def _given(item: WorkItem, binding: str, links: Mapping[Ref, Description]) -> Any:
    whole = whole_of(item)
    if whole is None or not binding:
        return {}
    kind, id_ = whole
    found = links.get((kind.subject_type, id_))
    known = found is not None and found.made_from
    return kind.given(item.tenant_id, known, binding) if known else {}


def _schemas_of(
    item: WorkItem, then: Mapping[str, Any], links: Mapping[Ref, Description]
) -> dict[str, Any]:
    """Return the schemas of what an original said, by the members of its snapshot."""
    if item.undoes_id is not None and item.undoes_type == item.subject_type:
        binding, schema = selectors.asked_of(item)
        return {"resolution": expanded(schema), "payload": _given(item, binding, links)}
    found = capability_registry.get(then.get("capability", ""))
    if found is None:
        return {}
    return {"input": expanded(found.input_schema), "output": expanded(found.output_schema)}


def after_each_outcome(title: str) -> dict[str, str]:
    """Return what will be true after each outcome; "" is said before one is chosen."""
    sentences = {"": _("Choose an outcome to see what follows from it."), **OUTCOME_EFFECTS}
    return {outcome: str(text) % {"title": title} for outcome, text in sentences.items()}


def then_rows(said: Declared) -> list[dict[str, Any]]:
    """Return what was decided: the original as it was, in lines."""
    snapshot, schemas = said.snapshot, said.then
    rows: list[dict[str, Any]] = []
    if snapshot.get("outcome"):
        label = snapshot.get("outcome_label") or outcome_label(snapshot["outcome"])
        rows.append({"label": _("Outcome"), "value": label})
    if snapshot.get("outcome_reason"):
        rows.append({"label": _("Why"), "value": snapshot["outcome_reason"]})
    for name, label in _THEN.items():
        rows += _lines(str(label), snapshot.get(name), schemas.get(name))
    return rows or [{"label": _("Outcome"), "value": _("not recorded")}]


def _lines(label: str, value: Any, schema: Any = None) -> list[dict[str, Any]]:
    """Return one line for each member of an object, else one for the value; none for nothing."""
    value = _said_only(value)
    if isinstance(value, dict):
        return [
            # The name decides with the schema how it is shown: an outcome, a person.
            {"label": label, "value": inner, "schema": own, "name": name}
            for name, label, inner, own in members_of(value, schema)
        ]
    if value in (None, "", []):
        return []
    return [{"label": label, "value": value, "schema": schema}]


def _said_only(value: Any) -> Any:
    """Return a value without the members that hold nothing: they say nothing."""
    if not isinstance(value, dict):
        return value
    inner = {name: _said_only(each) for name, each in value.items()}
    return {name: each for name, each in inner.items() if each not in (None, "", [], {})}


def now_rows(item: WorkItem, block: dict[str, Any], schema: Any) -> list[dict[str, Any]]:
    """Return what is asked, and what is another since."""
    rows: list[dict[str, Any]] = [{"label": _("Asked"), "value": item.title}]
    if block["strategy"] != "restore":
        rows.append({"label": _("How"), "value": said(STRATEGIES, block["strategy"])})
    if item.outcome:
        rows.append({"label": _("Outcome"), "value": outcome_label(item.outcome)})
    if block["attempt"] > 1:
        rows.append({"label": _("Attempt"), "value": block["attempt"]})
    # What has not changed since stands beside it already.
    then: dict[str, Any] = {}
    for part in map(block["original_snapshot"].get, _THEN):
        then |= part if isinstance(part, dict) else {}
    news = {
        name: value
        for name, value in item.payload.items()
        if name not in then or not same(value, then[name])
    }
    rows += _lines(_("About"), news, schema)
    return rows
