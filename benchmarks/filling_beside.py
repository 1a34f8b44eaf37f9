"""What a tenant has beside its work, its undos and its news: what asks for a decision, what came
from outside, what is put around items, what is kept or erased, and what people have set up."""

from __future__ import annotations

from benchmarks.filled_tenant import AT, FIELDS, TEXT, TITLE, Filling, Tenant, rare
from governance.lifecycle import ApprovalStatus

#: Of what people set up there is as much in every tenant: a little more than a page.
SET_UP = 60
_EVENTS = ("order.placed", "order.paid", "order.shipped")


def beside(tenant: Tenant, items: int) -> list[Filling]:
    """Return each table's model, how many rows it gets, and SQL of its columns."""
    return [
        *_asked(tenant, items), *_around(tenant, items), *_parts(tenant, items),
        *_kept(tenant, items), *_set_up(tenant, items),
    ]  # fmt: skip


def _asked(tenant: Tenant, items: int) -> list[Filling]:
    """Of 20 approvals one waits for others; about a hundred wait for the reader, who asked for none
    of them. Of the requests of other organisations about a hundred wait."""
    someone, id_of, other = (
        tenant.someone(items),
        tenant.id_of,
        f"'{tenant.others[0].actor_id}'::uuid",
    )
    approvals, requests = max(items // 20, 1), max(items // 50, 1)
    theirs, waits = rare(approvals), f"({rare(approvals)} OR n % 20 = 7)"
    return [
        ("governance.Approval", approvals, {
            "id": id_of(11), "about_type": "'work_item'", "about_id": id_of(1, "n * 20"),
            "action": "'compensate'", "digest": "'d' || n", "reason": TEXT, "created_at": AT,
            "status": f"CASE WHEN {waits} THEN '{ApprovalStatus.PENDING}'"
                      f" WHEN n % 7 = 0 THEN '{ApprovalStatus.REFUSED}'"
                      f" ELSE '{ApprovalStatus.GRANTED}' END",
            "requested_by_id": f"CASE WHEN {theirs} THEN {other} ELSE {someone} END",
            "expires_at": f"{AT} + interval '400 days'",
            "ended_at": f"CASE WHEN NOT {waits} THEN {AT} END",
        }),
        ("governance.ApprovalStep", approvals, {
            "id": id_of(12), "approval_id": id_of(11), "n": "1",
            "groups": f"CASE WHEN {theirs} THEN '[\"analysts\"]'::jsonb"
                      " ELSE '[\"underwriters\"]'::jsonb END",
            "decision": f"CASE WHEN {waits} THEN '' WHEN n % 7 = 0 THEN 'REFUSED'"
                        " ELSE 'GRANTED' END",
            "decided_by_id": f"CASE WHEN NOT {waits} THEN {other} END",
        }),
        ("compensation.CompensationRequest", requests, {
            "id": id_of(13), "about_type": "'execution'", "about_id": id_of(4, "n * 20"),
            "status": f"CASE WHEN {rare(requests)} THEN 'PENDING' ELSE 'DONE' END",
            "asking_tenant_id": id_of(14, "0"), "asking_id": id_of(14), "asking_hash": "'h' || n",
            "asking_name": "'The shop'", "reason": TEXT, "decided_by_id": someone,
            "created_at": AT,
        }),
        ("executions.Batch", max(items // 20, 1), {
            "id": id_of(10), "size": "3", "requested_by_id": someone, "created_at": AT,
            "ended_at": AT, "reason": TEXT,
            "status": f"CASE WHEN {rare(max(items // 20, 1))} THEN 'FAILED' ELSE 'COMPLETED' END",
        }),
        ("events.InboundEvent", max(items // 20, 1), {
            "id": id_of(15), "event_id": "'event-' || n", "received_by_id": someone,
            "source": "'https://shop.example/' || n % 7", "subject": "'order-' || n",
            "type": f"CASE WHEN {rare(max(items // 20, 1))} THEN 'order.lost'"
                    f" ELSE (ARRAY{list(_EVENTS)})[1 + n % {len(_EVENTS)}] END",
            "data": FIELDS, "created_at": AT, "entry_id": id_of(8),
        }),
    ]  # fmt: skip


def _around(tenant: Tenant, items: int) -> list[Filling]:
    """Three of each for the newest items that are part of a case."""
    someone, id_of, number = tenant.someone(items), tenant.id_of, max(items // 20, 3)
    own = {
        "item_id": id_of(1, f"({items} - 4 * (n / 3 + 1))"), "created_by_id": someone,
        "created_at": AT,
    }  # fmt: skip
    return [
        ("workitems.Note", number, {"id": id_of(16), "text": TEXT, **own}),
        ("workitems.Label", number, {
            "id": id_of(17), **own,
            # An item has each once.
            "name": f"CASE WHEN n % {max(number // 300, 1) * 3} = 0 THEN 'notary'"
                    " ELSE 'label-' || n % 3 END",
        }),
        ("workitems.Link", number, {
            "id": id_of(18), "url": "'https://papers.example/' || n", "title": TITLE, **own,
        }),
        ("workitems.Relation", number, {
            "id": id_of(19), "type": "'RELATES_TO'", "target_type": "'work_item'",
            "target_id": id_of(1, "n"), **own,
        }),
        ("workitems.Attachment", number, {
            "id": id_of(20), "name": "'paper-' || n || '.pdf'", "size": "1000 + n",
            "content_type": "'application/pdf'", "sha256": "repeat('0', 64)", **own,
        }),
        ("workitems.Stakeholder", number, {
            "id": id_of(21), "item_id": id_of(1, "n * 20"), "actor_id": someone,
        }),
    ]  # fmt: skip


def _parts(tenant: Tenant, items: int) -> list[Filling]:
    """The step that each item of a case is."""
    id_of, cases = tenant.id_of, max(items // 4, 1)
    return [
        ("cases.PlanItem", cases, {
            "id": id_of(22), "case_id": id_of(2), "binding": "'check'", "type": "'work_item'",
            "target_id": id_of(1, "n * 4"), "created_at": AT, "completion_seq": "1",
            "status": "'COMPLETED'",
        }),
    ]  # fmt: skip


def _kept(tenant: Tenant, items: int) -> list[Filling]:
    """What adds up over the years, if slowly."""
    someone, id_of, number = tenant.someone(items), tenant.id_of, max(items // 100, 1)
    over = f"{AT} + interval '1 hour'"
    return [
        ("ledger.Erasure", number, {
            "id": id_of(23), "actor_id": f"'{tenant.others[1].actor_id}'", "state": "'WITHDRAWN'",
            "requested_by_id": someone, "requested_at": AT, "ended_at": over, "reason": TEXT,
        }),
        ("ledger.LegalHold", number, {
            "id": id_of(24), "subject_type": "'case'", "subject_id": id_of(2), "reason": TEXT,
            "placed_by_id": someone, "placed_at": AT,
        }),
        ("ledger.Retention", number, {
            "id": id_of(25), "kind": "'TRANSITION'", "keep": "'P365D'", "set_by_id": someone,
            "set_at": AT, "ended_at": over,
        }),
        ("accounts.Substitution", number, {
            "id": id_of(26), "person_id": f"'{tenant.others[0].actor_id}'",
            "substitute_id": f"'{tenant.others[1].actor_id}'", "since": AT, "until": over,
            "created_by_id": someone, "created_at": AT,
        }),
    ]  # fmt: skip


def _set_up(tenant: Tenant, items: int) -> list[Filling]:
    someone, id_of = tenant.someone(items), tenant.id_of
    made = {"created_by_id": someone, "created_at": AT}
    return [
        ("workitems.WorkItemTemplate", SET_UP, {
            "id": id_of(27), "name": "'Template ' || n", "version": "1",
            "content": f"jsonb_build_object('title', {TITLE})", **made,
        }),
        ("workitems.Schedule", SET_UP, {
            "id": id_of(28), "name": "'Schedule ' || n", "template_id": id_of(27),
            "cron": "'0 9 * * 1'", "zone": "'UTC'", "due_at": "now() + interval '400 days'", **made,
        }),
        ("workitems.SavedFilter", SET_UP, {
            "id": id_of(29), "name": "'Filter ' || n", "shared": "n % 2 = 0",
            "owner_id": f"'{tenant.reader.actor_id}'", "created_at": AT,
            "filter": "jsonb_build_object('q', 'folder ' || n)",
        }),
        ("governance.Policy", SET_UP, {
            "id": id_of(30), "name": "'Policy ' || n", "priority": "n", "effect": "'allow'",
            "when": "'.amount > ' || n", "reason": TEXT, **made,
        }),
        ("accounts.SignatureKey", SET_UP, {
            "id": id_of(31), "actor_id": f"'{tenant.reader.actor_id}'", "name": "'Key ' || n",
            "public_key": f"sha256(convert_to('{tenant.id}' || n, 'UTF8'))", "created_at": AT,
        }),
    ]  # fmt: skip
