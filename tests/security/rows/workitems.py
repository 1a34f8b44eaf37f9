"""Work items: every member reads them all; candidates take, assignees work, operators decide."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.security.matrix import Expect, Row, expect
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.around.additions import ADD


def _item(world: World, **wanted: Any) -> Any:
    return actions.create_work_item(call=Call(world.operator), title="T", **wanted)


def _pool(world: World) -> dict[str, object]:
    """An item of the operator's that nobody has taken and any analyst may."""
    return {"id": _item(world, candidate_groups=["analysts"]).id}


def _mine(world: World) -> dict[str, object]:
    """An item assigned to the analyst."""
    return {"id": _item(world, assignee=world.analyst.username).id}


def _begun(world: World) -> dict[str, object]:
    """An item that the analyst works on."""
    found = _mine(world)
    actions.start(found["id"], call=Call(world.analyst))
    return found


def _handed_on(world: World) -> dict[str, object]:
    """An item that the operator hands on to the analyst in the surveyor's name."""
    item_id = _item(world, assignee=world.surveyor.username).id
    actions.delegate(item_id, call=Call(world.operator), to=world.analyst.username)
    return {"id": item_id}


def _held(world: World) -> dict[str, object]:
    """An item of the analyst that is on hold."""
    found = _mine(world)
    actions.suspend(found["id"], call=Call(world.operator))
    return found


def _not_needed(world: World) -> dict[str, object]:
    """An item that may be left out."""
    return {"id": _item(world, skippable=True).id}


def _done(world: World) -> dict[str, object]:
    """An item that the analyst completed."""
    found = _begun(world)
    actions.complete(found["id"], call=Call(world.analyst))
    return found


def _undoing(world: World) -> dict[str, object]:
    """A completed item whose undo the operator asked for; the analyst has not started it."""
    found = _done(world)
    actions.compensate(found["id"], call=Call(world.operator), reason="R")
    return found


def _faulted(world: World) -> dict[str, object]:
    """A completed item whose undo the analyst rejected."""
    item_id: Any = _done(world)["id"]
    answer = actions.compensate(item_id, call=Call(world.operator), reason="R")
    actions.reject(answer.attempt.compensation_id, call=Call(world.analyst), reason="R")
    return {"id": item_id}


def _with(one: str, **body: Any) -> Callable[[World], dict[str, object]]:
    """An item of the operator's to which the analyst added something."""

    def make(world: World) -> dict[str, object]:
        item_id = _item(world).id
        return {"id": item_id, one: ADD[one](item_id, call=Call(world.analyst), **body).id}

    return make


def _related(world: World) -> dict[str, object]:
    """The same of a relation to another item."""
    item_id = _item(world).id
    added = ADD["relation"](item_id, call=Call(world.analyst), **_to_another(world, {}))
    return {"id": item_id, "relation": added.id}


def _to_another(world: World, _kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RELATES_TO", "target": {"type": "work_item", "id": str(_item(world).id)}}


def _upload(_world: World, _kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("note.txt", b"Note", "text/plain")}


def _to_page(world: World, _kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RELATES_TO", "target": f"/work-items/{_item(world).id}/"}


_noted = _with("note", text="N")
_labelled = _with("label", name="L")
_attached = _with("attachment", name="note.txt", content="Tm90ZQ==")
_linked = _with("link", url="https://files.example/")


def _shared_filter(world: World) -> dict[str, object]:
    """A saved filter that the analyst shares."""
    row = actions.save_filter(
        call=Call(world.analyst), name=secrets.token_hex(8), filter={"q": "loan"}, shared=True
    )
    return {"id": row.id}


def _schedule(world: World) -> dict[str, Any]:
    said = _of_template(world, {})
    return {"id": actions.add_schedule(call=Call(world.operator), **said).id}


def _of_template(world: World, _kwargs: dict[str, Any]) -> dict[str, Any]:
    id_ = str(_template(world)["id"])
    return {"name": secrets.token_hex(8), "template": id_, "cron": "0 8 * * *", "zone": "UTC"}


def _assignee(world: World, _kwargs: dict[str, Any]) -> dict[str, str]:
    return {"assignee": world.surveyor.username}


def _owner(world: World, _kwargs: dict[str, Any]) -> dict[str, str]:
    return {"owner": world.surveyor.username}


def _some(world: World, _kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"ids": [str(_pool(world)["id"])]}


def _some_to(world: World, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {**_some(world, kwargs), **_assignee(world, kwargs)}


def _some_off(world: World, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {**_some(world, kwargs), **WHY}


def _to(world: World, _kwargs: dict[str, Any]) -> dict[str, str]:
    return {"to": world.surveyor.username}


def _template(world: World) -> dict[str, Any]:
    row = actions.add_template(call=Call(world.operator), name="Check", title="Check it")
    return {"id": row.id}


def _both(status: int, **how: Any) -> Expect:
    return expect(403, analyst=status, operator=status, admin=status, **how)


def _analyst(status: int, **how: Any) -> Expect:
    return expect(403, analyst=status, **how)


def _operators(status: int, **how: Any) -> Expect:
    return expect(403, operator=status, admin=status, **how)


def _members(status: int, **how: Any) -> Expect:
    """Whoever may see the item may add to it; auditors only look."""
    return expect(status, auditor=403, **how)


WHY = {"reason": "R"}
FILE = {"name": "note.txt", "content": "Tm90ZQ=="}
HALF = {"dimension": "forward", "shape": "percentage", "value": 50}
URL = {"url": "https://files.example/"}
OTHERS = {"candidate_groups": ["surveyors"]}
LATER = "2100-01-01T00:00:00Z"
ASKED = expect(200)

ROWS = {
    "workitems-api:list": Row(GET=expect(200), POST=expect(201, auditor=403, body={"title": "T"})),
    "workitems-api:saved-filters:list": Row(
        GET=expect(200), POST=expect(201, body={"name": "Mine", "filter": {"q": "loan"}})
    ),
    # Shared by the analyst: an operator looks after it too.
    "workitems-api:saved-filters:detail": Row(
        make=_shared_filter,
        GET=expect(200),
        PATCH=_both(200, body={"filter": {"q": "court"}}),
        DELETE=_both(200),
    ),
    "workitems:filters": Row(GET=expect(200)),
    "workitems-api:schedules:list": Row(
        GET=expect(200), POST=_operators(201, body=_of_template, outsider=422)
    ),
    "workitems-api:schedules:detail": Row(
        make=_schedule,
        GET=expect(200),
        PATCH=_operators(200, body={"active": False}),
        DELETE=_operators(200),
    ),
    "workitems:schedules": Row(
        GET=expect(200), POST=_operators(303, body=_of_template, outsider=422)
    ),
    "workitems:schedule-edit": Row(
        make=_schedule,
        GET=_operators(200),
        POST=_operators(303, body=_of_template),
    ),
    "workitems:schedule-end": Row(make=_schedule, POST=_operators(303)),
    "workitems:templates": Row(GET=expect(200)),
    "workitems:template": Row(
        make=_template, GET=expect(200), POST=expect(303, auditor=403, body={"title": "T"})
    ),
    "workitems:template-version": Row(
        make=_template,
        GET=_operators(200),
        POST=_operators(303, body={"title": "T", "priority": "LOW"}),
    ),
    "workitems:template-end": Row(make=_template, GET=ASKED, POST=_operators(303)),
    "admin:workitems_template_make_task": Row(
        make=lambda world: {"template_id": _template(world)["id"]},
        GET=_operators(200, anonymous=302),
        POST=_operators(302, body={"title": "T"}, anonymous=302),
    ),
    "workitems:end-filter": Row(make=_shared_filter, POST=_both(303)),
    "workitems-api:search": Row(POST=expect(200, body={"status": "PENDING"})),
    "workitems-api:summary": Row(GET=expect(200)),
    "workitems-api:detail": Row(
        make=_pool, GET=expect(200), PATCH=_operators(200, body={"title": "U"})
    ),
    "workitems-api:causal-chain": Row(make=_undoing, GET=expect(200)),
    "workitems-api:history": Row(make=_pool, GET=expect(200)),
    "workitems-api:claim": Row(make=_pool, POST=_analyst(200)),
    "workitems-api:release": Row(
        make=_mine, POST=expect(403, analyst=200, operator=200, admin=200)
    ),
    "workitems-api:assign": Row(make=_pool, POST=_operators(200, body=_assignee)),
    "workitems-api:start": Row(make=_mine, POST=_analyst(200)),
    "workitems-api:stop": Row(make=_begun, POST=_analyst(200)),
    "workitems-api:complete": Row(make=_begun, POST=_analyst(200)),
    "workitems-api:reject": Row(make=_mine, POST=_analyst(200, body=WHY)),
    # Who may, is said of each by itself.
    "workitems-api:bulk-claim": Row(POST=expect(200, body=_some)),
    "workitems-api:bulk-release": Row(POST=expect(200, body=_some)),
    "workitems-api:bulk-assign": Row(POST=expect(200, body=_some_to)),
    "workitems-api:bulk-cancel": Row(POST=expect(200, body=_some_off)),
    "workitems-api:fail": Row(make=_begun, POST=_analyst(200, body={"detail": "D"})),
    "workitems-api:delegate": Row(make=_mine, POST=_both(200, body=_to)),
    "workitems-api:accept-delegation": Row(make=_handed_on, POST=_analyst(200)),
    "workitems-api:decline-delegation": Row(make=_handed_on, POST=_analyst(200)),
    "workitems-api:forward": Row(make=_mine, POST=_both(200, body=OTHERS)),
    "workitems-api:suspend": Row(make=_mine, POST=_both(200)),
    "workitems-api:resume": Row(make=_held, POST=_both(200)),
    "workitems-api:skip": Row(make=_not_needed, POST=_operators(200, body=WHY)),
    "workitems-api:extend": Row(make=_pool, POST=_operators(200, body={"due_at": LATER})),
    "workitems-api:change-owner": Row(make=_pool, POST=_operators(200, body=_owner)),
    "workitems-api:cancel": Row(make=_pool, POST=_operators(200, body=WHY)),
    "workitems-api:compensate": Row(make=_done, POST=_operators(201, body=WHY)),
    "workitems-api:retry": Row(make=_faulted, POST=_operators(200)),
    "workitems-api:reassign": Row(make=_faulted, POST=_operators(200, body=_assignee)),
    "workitems-api:hand-to-human": Row(make=_faulted, POST=_operators(200)),
    "workitems-api:attest": Row(make=_faulted, POST=_operators(200, body={"evidence": "E"})),
    "workitems-api:abandon": Row(make=_faulted, POST=_operators(200, body=WHY)),
    "workitems-api:withdraw": Row(make=_undoing, POST=_operators(200)),
    "workitems-api:template-list": Row(
        GET=expect(200), POST=_operators(201, body={"name": "Check", "title": "T"})
    ),
    "workitems-api:template-detail": Row(make=_template, GET=expect(200), DELETE=_operators(200)),
    "workitems-api:template-instantiate": Row(make=_template, POST=expect(201, auditor=403)),
    "workitems-api:notes": Row(make=_pool, GET=expect(200), POST=_members(201, body={"text": "N"})),
    "workitems-api:note": Row(make=_noted, DELETE=_both(200)),
    "workitems-api:labels": Row(
        make=_pool, GET=expect(200), POST=_members(201, body={"name": "L"})
    ),
    "workitems-api:label": Row(make=_labelled, DELETE=_both(200)),
    "workitems-api:links": Row(make=_pool, GET=expect(200), POST=_members(201, body=URL)),
    "workitems-api:link": Row(make=_linked, DELETE=_both(200)),
    "workitems-api:relations": Row(
        make=_pool, GET=expect(200), POST=_members(201, body=_to_another)
    ),
    "workitems-api:relation": Row(make=_related, DELETE=_both(200)),
    "workitems-api:spawn": Row(make=_mine, POST=_both(201, body={"children": [{"title": "T"}]})),
    "workitems:spawn": Row(
        make=_mine, GET=ASKED, POST=_both(303, body={"title": "T", "priority": "LOW"})
    ),
    "workitems-api:progress": Row(make=_begun, GET=expect(200), POST=_both(200, body=HALF)),
    "workitems-api:attachments": Row(make=_pool, GET=expect(200), POST=_members(201, body=FILE)),
    "workitems-api:attachment": Row(make=_attached, DELETE=_both(200)),
    "workitems-api:attachment-content": Row(make=_attached, GET=expect(200)),
    "workitems:attach": Row(make=_pool, POST=_members(303, body=_upload)),
    "workitems:attachment": Row(make=_attached, GET=expect(200)),
    "workitems:attachment-remove": Row(make=_attached, POST=_both(303)),
    # A draft is nobody's but theirs who have the item.
    "workitems-api:draft": Row(
        make=_mine, GET=_analyst(200), POST=_analyst(200, body={"form": {"resolution.note": "N"}})
    ),
    "workitems:draft": Row(make=_mine, POST=_analyst(303, body={"resolution.note": "N"})),
    "workitems:progress": Row(make=_begun, POST=_both(303, body={"done": "50"})),
    "workitems:link": Row(make=_pool, POST=_members(303, body=URL)),
    "workitems:link-remove": Row(make=_linked, POST=_both(303)),
    "workitems:relate": Row(make=_pool, POST=_members(303, body=_to_page)),
    "workitems:relation-remove": Row(make=_related, POST=_both(303)),
    "workitems:note": Row(make=_pool, POST=_members(303, body={"text": "N"})),
    "workitems:note-remove": Row(make=_noted, POST=_both(303)),
    "workitems:label": Row(make=_pool, POST=_members(303, body={"name": "L"})),
    "workitems:label-remove": Row(make=_labelled, POST=_both(303)),
    # Nothing is ticked, so that nothing is done. Each ticked task is answered by itself, as over
    # REST.
    "workitems:inbox": Row(GET=expect(200), POST=expect(422, body={"verb": "claim"})),
    # Whoever may decide nothing finds nothing there.
    "workitems:decisions": Row(GET=expect(200)),
    # Its address names no filter, so that there is nothing to keep.
    "workitems:all": Row(GET=expect(200), POST=expect(422, body={"name": "All"})),
    "workitems:new": Row(
        GET=expect(200), POST=expect(303, auditor=403, body={"title": "T", "priority": "LOW"})
    ),
    "workitems:detail": Row(make=_pool, GET=expect(200)),
    "workitems:causal-chain": Row(make=_undoing, GET=expect(200)),
    "workitems:causal-chain-svg": Row(make=_undoing, GET=expect(200)),
    "workitems:causal-chain-dot": Row(make=_undoing, GET=expect(200)),
    "workitems:claim": Row(make=_pool, POST=_analyst(303)),
    "workitems:release": Row(make=_mine, POST=expect(403, analyst=303, operator=303, admin=303)),
    "workitems:assign": Row(make=_pool, GET=ASKED, POST=_operators(303, body=_assignee)),
    "workitems:start": Row(make=_mine, POST=_analyst(303)),
    "workitems:stop": Row(make=_begun, POST=_analyst(303)),
    "workitems:complete": Row(make=_mine, POST=_analyst(303)),
    "workitems:reject": Row(make=_mine, GET=ASKED, POST=_analyst(303, body=WHY)),
    "workitems:fail": Row(make=_begun, GET=ASKED, POST=_analyst(303, body={"detail": "D"})),
    "workitems:delegate": Row(make=_mine, GET=ASKED, POST=_both(303, body=_to)),
    "workitems:accept-delegation": Row(make=_handed_on, POST=_analyst(303)),
    "workitems:decline-delegation": Row(make=_handed_on, GET=ASKED, POST=_analyst(303)),
    "workitems:forward": Row(
        make=_mine, GET=ASKED, POST=_both(303, body={"candidate_groups": "surveyors"})
    ),
    "workitems:suspend": Row(make=_mine, GET=ASKED, POST=_both(303)),
    "workitems:resume": Row(make=_held, POST=_both(303)),
    "workitems:skip": Row(make=_not_needed, GET=ASKED, POST=_operators(303, body=WHY)),
    "workitems:extend": Row(
        make=_pool, GET=ASKED, POST=_operators(303, body={"due_at": "2100-01-01T00:00"})
    ),
    "workitems:change-owner": Row(make=_pool, GET=ASKED, POST=_operators(303, body=_owner)),
    "workitems:cancel": Row(make=_pool, GET=ASKED, POST=_operators(303, body=WHY)),
    "workitems:compensate": Row(make=_done, GET=ASKED, POST=_operators(303, body=WHY)),
    "workitems:retry": Row(make=_faulted, GET=ASKED, POST=_operators(303)),
    "workitems:reassign": Row(make=_faulted, GET=ASKED, POST=_operators(303, body=_assignee)),
    "workitems:hand-to-human": Row(make=_faulted, GET=ASKED, POST=_operators(303)),
    "workitems:attest": Row(make=_faulted, GET=ASKED, POST=_operators(303, body={"evidence": "E"})),
    "workitems:abandon": Row(make=_faulted, GET=ASKED, POST=_operators(303, body=WHY)),
    "workitems:withdraw": Row(make=_undoing, GET=ASKED, POST=_operators(303)),
}
