"""What this app tells the others when the program starts: where the ledger's pages are."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Collection

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import attestations, check_page, erasures, retention_policies
from audit.actions import due_work, watching
from audit.actions.noting_gaps import GAP_FOUND
from audit.footer_seal import seal_of
from audit.personal import TABLES
from audit.words import due_work_label
from ledger.dispatch.consumer_registry import register_source
from ledger.dispatch.row_trouble import register_teller
from ledger.erasure.personal_data import declare
from ledger.vocabulary import SUBJECT_TYPES
from verbs import subject, words
from verbs.subject import Description, register_describer
from verbs.words import ActionWords
from web import live, nav
from web.entries import ENTRY, LEDGER_OF


def register() -> None:
    """Register the page of an entry, that of each kind of subject's entries, and the navigation."""
    register_describer(ENTRY, _entries)
    declare(*TABLES)
    subject.register(attestations.ENTRY_SUBJECT)
    attestations.register()
    for each in (erasures.ERASURES, erasures.HOLDS, retention_policies.RETENTIONS):
        subject.register(each)
    erasures.register()
    retention_policies.register()
    gap = ActionWords(
        gettext_lazy("Gap found"), gettext_lazy("A gap was found in the ledger"), "bad"
    )
    trouble = ActionWords(
        gettext_lazy("Ledger in trouble"),
        gettext_lazy("%(who)s found something in the way of the ledger's tree"),
        "bad",
    )
    over = ActionWords(
        gettext_lazy("Ledger goes on"),
        gettext_lazy("%(who)s saw the ledger's tree go on again"),
        "done",
    )
    stopped = ActionWords(
        gettext_lazy("Due work stopped"),
        gettext_lazy("%(who)s saw that what falls due is not done"),
        "bad",
        due_work_label,
    )
    resumed = ActionWords(
        gettext_lazy("Due work goes on"),
        gettext_lazy("%(who)s saw that what falls due is done again"),
        "done",
        due_work_label,
    )
    noted = {
        GAP_FOUND: gap, watching.TROUBLE_FOUND: trouble, watching.TROUBLE_OVER: over,
        due_work.STOPPED: stopped, due_work.RESUMED: resumed,
    }  # fmt: skip
    words.register_actions("tenant", noted)
    register_source(watching.SOURCE)
    register_teller(due_work.TELLER)
    for subject_type in sorted(SUBJECT_TYPES):
        describer = functools.partial(_ledgers, subject_type)
        register_describer(f"{LEDGER_OF}{subject_type}", describer)
    live.register(*check_page.PAGES)
    nav.register_seal(seal_of)
    label = gettext_lazy("Ledger")
    nav.register(nav.NavEntry("ledger", label, "book-open", "audit:entries", order=50, rule=True))


def _entries(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    return {id_: Description(_("Ledger entry"), reverse("audit:entry", args=[id_])) for id_ in ids}


def _ledgers(type_: str, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    pages = {id_: reverse("audit:subject", args=[type_, id_]) for id_ in ids}
    return {id_: Description(_("Ledger"), page) for id_, page in pages.items()}
