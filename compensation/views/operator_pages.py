"""What pages share that everybody of the tenant may read and only operators act from."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from accounts.acting import Authority
from accounts.roles import OPERATING_ROLES, held
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from web.pages import MemberPage
from web.verb_pages import Refused, ShowRefused

OPERATORS_ONLY = gettext_lazy("Only an operator may do this.")


class OperatorPage(MemberPage):
    """Everybody of the tenant may read it; operators change."""

    @property
    def operates(self) -> bool:
        """Whether the member may change cases and rollbacks."""
        return not OPERATING_ROLES.isdisjoint(self.place.roles)

    @property
    def rights(self) -> Authority:
        """What the session's roles allow, for buttons. The verbs read the member's rights again."""
        acting = self.acting_user
        return Authority(
            acting.tenant_id, acting.actor_id, acting.actor_type, held(self.place.roles),
            frozenset(),
        )  # fmt: skip

    def require_operator(self) -> None:
        """Raise NotPermitted for a form that only an operator may send."""
        if not self.operates:
            raise NotPermitted(str(OPERATORS_ONLY))


class PageOfOne(OperatorPage):
    """The page of one thing, from which its verbs are done and where they are refused."""

    def show(self, *key: Any, refused: Refused | None = None) -> HttpResponse:
        """Render the page of the thing of `key`, in the tenant's scope."""
        raise TypeError(f"{type(self).__name__} shows nothing of {key}: {refused}")


def shown_again_by(view: type[PageOfOne]) -> ShowRefused:
    """Return what shows the page of a thing with the verb that was refused there."""

    def show(page: MemberPage, refused: Refused) -> HttpResponse:
        again = view()
        again.setup(page.request, **page.kwargs)
        if refused.sentence:
            messages.error(page.request, refused.sentence)
        with tenant_scope(page.acting_user.tenant_id):
            response = again.show(*refused.key, refused=refused)
        response.status_code = refused.status
        return response

    return show


def crumb(label: str | Promise, url: str = "") -> dict[str, Any]:
    """Return one entry of `components/crumbs.html`."""
    return {"label": label, "url": url}
