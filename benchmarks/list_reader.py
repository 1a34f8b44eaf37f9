"""A member who reads pages and lists through Django's test client."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actions import create_token
from accounts.models import User
from benchmarks.filled_tenant import Tenant
from compensation.foreign_request_tables import CompensationRequest
from compensation.models import CompensationRun
from executions.models import Batch, Execution
from governance.models import Approval
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from web.membership import SESSION_KEY
from workitems.models import WorkItem

OK = 200
# What pages and lists of one thing are about.
_ONE_OF: dict[str, Any] = {
    "run": CompensationRun, "batch": Batch, "execution": Execution, "approval": Approval,
    "request": CompensationRequest, "entry": LedgerEntry,
}  # fmt: skip
# Around statements, and not themselves ones: they bind the tenant and end the transaction.
_AROUND = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "SELECT set_config", "SELECT coalesce(")
# Who somebody is, is found out before the last of these, with which the tenant is bound.
_BEGIN = "BEGIN"


class Reader:
    """An operator of a filled tenant, signed in to the pages and with a token for the API."""

    def __init__(self, tenant: Tenant) -> None:
        """Sign in, in the database that is in use."""
        who = tenant.reader
        if who.user_id is None:
            raise RuntimeError("the reader is a member")
        self._browser = Client()
        self._browser.force_login(User.objects.get(id=who.user_id))
        session = self._browser.session
        session[SESSION_KEY] = str(who.membership_id)
        session.save()
        self._program = Client(headers={"Authorization": f"Bearer {create_token(who)}"})
        with tenant_scope(tenant.id):
            rows = WorkItem.objects.filter(tenant_id=tenant.id, case_id__isnull=False)
            item = rows.order_by("-created_at")[20]
            # Ids rise as these are made.
            some = {
                name: model.objects.filter(tenant_id=tenant.id).order_by("-id")[20].id
                for name, model in _ONE_OF.items()
            }
        self.words = {"item": item.id, "case": item.case_id, "reader": who.username, **some}

    def get(self, address: str) -> bytes:
        """Ask for an address. Raises RuntimeError unless it is answered."""
        client = self._program if address.startswith("/api/") else self._browser
        answer = client.get(address)
        if answer.status_code != OK:
            raise RuntimeError(f"{address}: {answer.status_code}")
        return bytes(answer.content)

    def queries(self, address: str) -> int:
        """Return how many statements an address takes once the tenant is bound, apart from the one
        that is asked every few seconds for all pages together: of two visits the lesser."""
        return min(self._queries(address), self._queries(address))

    def _queries(self, address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            self.get(address)
        said = [each["sql"] for each in captured.captured_queries]
        begin = max(n for n, each in enumerate(said) if each.startswith(_BEGIN))
        return sum(not each.startswith(_AROUND) for each in said[begin:])

    def followed(self, address: str, pages: int) -> str:
        """Return the address that `next` leads to after so many pages, or the last there is."""
        for _ in range(pages):
            following = self._program.get(address).json()["next"]
            if following is None:
                break
            address = following
        return address
