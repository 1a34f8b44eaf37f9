"""Addresses of the ledger, below /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from audit.actions.erasing_people import ERASURE
from audit.actions.keeping_payloads import RETENTION
from audit.actions.legal_holds import HOLD
from audit.api import erasure_api, export_views, proof_views, verification_views, views
from audit.api.attestation_api import Attestations, Signatures
from audit.api.health_api import LedgerHealth, LedgerMetrics
from audit.api.provenance_api import provenance_paths
from audit.api.report_api import ComplianceReport
from web.api import TenantAPIView
from web.entries import ENTRY
from web.verb_api import verb_paths

app_name = "audit-api"


def _of(
    subject_type: str, collection: type[TenantAPIView], detail: type[TenantAPIView]
) -> list[URLPattern]:
    """Return the addresses of one kind of thing, by names of its own."""
    made = verb_paths(subject_type, collection=collection, detail=detail)
    return [
        path(str(each.pattern), each.callback, name=f"{subject_type}-{each.name}") for each in made
    ]


urlpatterns = [
    path("ledger/entries", views.Entries.as_view(), name="entries"),
    path("ledger/entries/<uuid:id>", views.EntryDetail.as_view(), name="entry"),
    path("ledger/entries/<uuid:id>/proof", proof_views.EntryProof.as_view(), name="proof"),
    path("ledger/checkpoint", proof_views.NewestCheckpoint.as_view(), name="checkpoint"),
    path("ledger/verify", verification_views.Verifications.as_view(), name="verify"),
    path(
        "ledger/verify/<uuid:id>",
        verification_views.VerificationDetail.as_view(),
        name="verification",
    ),
    path("ledger/export", export_views.Export.as_view(), name="export"),
    path("ledger/consistency", proof_views.Consistency.as_view(), name="consistency"),
    path("ledger/health", LedgerHealth.as_view(), name="health"),
    path("ledger/metrics", LedgerMetrics.as_view(), name="metrics"),
    path("ledger/report", ComplianceReport.as_view(), name="report"),
    *provenance_paths(),
    *_of(ERASURE, erasure_api.Erasures, erasure_api.ErasureDetail),
    *_of(HOLD, erasure_api.LegalHolds, erasure_api.LegalHoldDetail),
    *_of(RETENTION, erasure_api.Retentions, erasure_api.RetentionDetail),
    *verb_paths(ENTRY, beside={"attestations": Attestations, "signatures": Signatures}),
]
