"""What the app registers at start with the apps below."""

from __future__ import annotations

import dataclasses

from django.utils.translation import gettext_lazy as _

from governance import approval_context, watched, words
from governance.actions.approval_expiry import expire_due
from governance.actions.approval_verbs import EXPIRIES
from governance.api.approval_json import ApprovalSchema, represent, represent_many
from governance.api.policy_json import PolicySchema, represent_policies
from governance.personal import TABLES, approvals_inside
from governance.policy_subject import POLICY_SUBJECT
from governance.subject import APPROVAL_SUBJECT
from governance.undecided_approvals import APPROVALS
from ledger.dispatch.consumer_registry import Source, register_source
from ledger.erasure.personal_data import declare, declare_inside
from ledger.erasure.retention import declare_at_rest
from ledger.verify import register_guarded
from verbs import subject
from verbs.subject import ResultShape
from web import decisions, live, nav

# What pages and API add: the domain's own module knows neither.
SHOWN = dataclasses.replace(
    APPROVAL_SUBJECT,
    shape=represent_many,
    schema=ApprovalSchema,
    results={
        "approve": ResultShape(
            shape=represent,
            schema=ApprovalSchema,
            said=lambda row: words.APPROVED[str(row.status)],
        )
    },
    crumbs=approval_context.crumbs,
    page_facts=approval_context.page_facts,
)
SHOWN_POLICIES = dataclasses.replace(POLICY_SUBJECT, shape=represent_policies, schema=PolicySchema)
EXPIRY = Source("approval_expiries", EXPIRIES, expire_due, short=True)


def register() -> None:
    """Make approvals known, and let them expire."""
    declare(*TABLES)
    declare_at_rest(
        "approval", "governance_approval", "GRANTED REFUSED EXPIRED SUPERSEDED WITHDRAWN"
    )
    declare_inside(approvals_inside)
    words.register()
    subject.register(SHOWN)
    subject.register(SHOWN_POLICIES)
    register_source(EXPIRY)
    register_guarded("governance_approval", "approval")
    live.register(*watched.PAGES)
    live.register_counted("approvals", watched.waits)
    decisions.register(APPROVALS)
    nav.register(
        nav.NavEntry("approvals", _("Approvals"), "badge-check", "governance:approvals", order=16)
    )
    nav.register(nav.NavEntry("policies", _("Policies"), "scale", "governance:policies", order=32))
