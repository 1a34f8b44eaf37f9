"""One page of a report, with what it is about and the law that it answers to."""

from __future__ import annotations

import dataclasses
from typing import Any

from audit.compliance.citations import citations
from audit.compliance.report_filter import OLDEST_FIRST, ReportFilter
from audit.compliance.report_lines import SAID, report_lines
from audit.compliance.report_proofs import Checkpointed, prove
from ledger.clock import now, rfc3339
from ledger.selectors import with_payloads
from web.pagination import Page, page_of


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """A page of lines, and the checkpoint that proves them. `page` has the cursors of its
    neighbours."""

    about: dict[str, Any]
    lines: list[dict[str, Any]]
    page: Page[Any]
    checkpoint: Checkpointed | None

    def to_json(self) -> dict[str, Any]:
        """Return what the API says of it beside the links."""
        return {
            "about": self.about,
            "checkpoint": self.checkpoint and self.checkpoint.to_json(),
            "citations": [each.to_json() for each in citations()],
            "results": self.lines,
        }


def report_of(request: Any, tenant_id: Any, asked: ReportFilter, *, proven: bool = True) -> Report:
    """Return the page of a report that a request asks for, `proven` or to be looked at. Raises
    Invalid for its cursor or limit. Runs in the caller's tenant scope."""
    rows = with_payloads(asked.rows(tenant_id), SAID)
    page = page_of(request, rows, order=OLDEST_FIRST, among=asked.among(tenant_id))
    entries = asked.entries
    subject = entries.subject_type and {
        "type": entries.subject_type,
        "id": entries.subject_id and str(entries.subject_id),
    }
    about = {
        "subject": subject or None,
        "case": entries.case_id and str(entries.case_id),
        "actor": asked.actor,
        "since": asked.since and rfc3339(asked.since),
        "until": asked.until and rfc3339(asked.until),
        "made_at": rfc3339(now()),
    }
    lines = report_lines(page.rows)
    return Report(about, lines, page, prove(tenant_id, lines) if proven else None)
