"""The closed vocabulary of the ledger: kinds, subject types, actor types and actions.

An action that is not listed here cannot be recorded, so a new event can never slip past the ledger
unnamed. Free words belong in payloads, not in actions.
"""

from __future__ import annotations

from typing import Final

KINDS: Final = frozenset(
    "TRANSITION COMPENSATION REFUSAL GOVERNANCE MESSAGE ATTESTATION ADMIN DELIVERY ERASURE".split()
)
SUBJECT_TYPES: Final = frozenset(
    "work_item execution batch case compensation_run tenant actor channel commitment"
    " webhook_endpoint".split()
)
ACTOR_TYPES: Final = frozenset({"HUMAN", "AGENT", "SYSTEM"})

ACTIONS: Final = frozenset(
    # work items (WS-HumanTask 1.1 §4.7, past tense)
    "created edited claimed released assigned started stopped completed rejected cancelled"
    # executions
    " dispatched succeeded failed retried requested"
    # cases
    " opened context_changed suspended resumed closed faulted rollback_started"
    " rollback_settled"
    # compensation of one subject
    " compensation_requested compensation_started compensation_retried compensation_reassigned"
    " compensation_handed_to_human compensation_attested compensation_abandoned"
    " compensation_withdrawn compensation_completed compensation_faulted compensation_refused"
    # compensation runs and their steps
    " compensation_approved compensation_step_planned compensation_step_started"
    " compensation_step_waiting compensation_step_completed compensation_step_failed"
    " compensation_step_resolved compensation_step_abandoned compensation_step_skipped"
    " compensation_step_retried compensation_paused compensation_resumed"
    # administration
    " tenant_created member_added member_deactivated member_reactivated"
    " roles_changed group_joined group_left token_created definition_deployed".split()
)
