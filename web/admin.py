"""What every admin page stands on: the tenant's scope around it, and nothing to edit.

Rows are read under the tenant of the session, so another tenant's object gets the admin's stock
answer for a missing one. Changes go through verbs, on intermediate pages that are marked
`@opens_own_transaction`.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, cast

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.roles import OPERATING_ROLES
from ledger.tenancy import reading_scope
from verbs.subject import Ref, describe
from verbs.words import subject_words
from web.membership import place_of
from web.pages import rendered

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
_MARK = "opens_own_transaction"
#: Where a row keeps what it leads to.
_READ = "_leads_to"
# What a filter of Django's puts behind the name of its field.
_ASKED = ("", "__exact", "__isnull")


def in_case(row: Any) -> Ref | None:
    """Return the case a row belongs to."""
    return None if row.case_id is None else ("case", row.case_id)


def in_run(row: Any) -> Ref | None:
    """Return the rollback that a row belongs to."""
    return None if row.run_id is None else ("compensation_run", row.run_id)


def what_it_undoes(row: Any) -> Ref | None:
    """Return what a row takes back."""
    return None if row.undoes_id is None else (row.undoes_type, row.undoes_id)


def opens_own_transaction(view: View) -> View:
    """Mark an admin view that calls durable verbs: it is run outside any transaction."""
    view.__dict__[_MARK] = True
    return view


def in_tenant(view: View) -> View:
    """Run an admin view, rendering included, in the scope of the session's tenant."""
    if getattr(view, _MARK, False):
        return view

    @functools.wraps(view)
    def scoped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        place = place_of(request)
        if place is None:
            return view(request, *args, **kwargs)
        with reading_scope(place.acting.tenant_id):
            return rendered(view(request, *args, **kwargs))

    return cast("View", scoped)


class InWords(admin.SimpleListFilter):
    """A filter whose choices are what people read; values of it may be several, with commas."""

    column = ""

    def words(self, value: str) -> str:
        """Return what people read for a value of the column."""
        raise NotImplementedError

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return what there is in the list."""
        rows = model_admin.get_queryset(request).order_by()
        found = rows.values_list(self.column, flat=True).distinct()
        return sorted(((value, self.words(value)) for value in found), key=operator.itemgetter(1))

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to the choice."""
        said = self.value()
        return queryset.filter(**{f"{self.column}__in": said.split(",")}) if said else queryset


class AboutFilter(InWords):
    """By the kind of thing that it is about."""

    title, parameter_name, column = _("about"), "about", "about_type"

    @override
    def words(self, value: str) -> str:
        return str(subject_words(value))


class _ListWithLinks(ChangeList):
    """A list whose rows have read what they lead to, in bulk."""

    @override
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        admin_, place = self.model_admin, place_of(request)
        if place is None or not isinstance(admin_, TenantModelAdmin) or not admin_.leads_to:
            return
        rows = list(self.result_list)
        found = (each(row) for row in rows for each in admin_.leads_to.values())
        known = describe(place.acting.tenant_id, {each for each in found if each is not None})
        for row in rows:
            row.__dict__[_READ] = known
        self.result_list = rows


class TenantModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """A read-only admin of tenant rows. Who may look is said by the role (`MembershipBackend`).

    `leads_to` says, by a name, to which thing a row leads; `link` shows it by its title.
    """

    leads_to: ClassVar[Mapping[str, Callable[[Any], Ref | None]]] = {}

    def link(self, row: Any, name: str) -> SafeString:
        """Return a link to what a row leads to: its page in the application."""
        thing = self.leads_to[name](row)
        if thing is None:
            return SafeString("")
        known = row.__dict__.get(_READ) or describe(row.tenant_id, [thing])
        found = known[thing]
        if not found.url:
            return format_html("{}", found.title)
        return format_html('<a href="{}">{}</a>', found.url, found.title)

    @override
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return a list that reads what its rows lead to all at once."""
        return _ListWithLinks

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the session's tenant, named beside the policy that says so."""
        rows, place = super().get_queryset(request), place_of(request)
        if place is None or not hasattr(self.model, "tenant_id"):
            return rows
        return rows.filter(tenant_id=place.acting.tenant_id)

    @override
    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow what the filters beside the list ask, and nothing else that the ORM could be asked.

        A year beyond the calendar or a broken pattern would be a fault, and some patterns a long
        search.
        """
        named = {getattr(each, "parameter_name", None) for each in self.list_filter}
        return lookup in named | {f"{path}{how}" for path in self.list_filter for how in _ASKED}

    @override
    def response_action(  # type: ignore[override]  # the stubs are of a later Django
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponseBase | None:
        """Do the action. What was chosen and can be no row of the list is a broken request."""
        if not all(map(self._is_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            raise BadRequest("no such row can be chosen")
        return super().response_action(request, queryset)

    def _is_key(self, text: str) -> bool:
        try:
            self.opts.pk.clean(text, None)
        except ValidationError:
            return False
        return "\x00" not in text

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted anywhere."""
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the role may trigger compensation (on an action: `permissions=["operate"]`)."""
        place = place_of(request)
        return place is not None and not OPERATING_ROLES.isdisjoint(place.roles)
