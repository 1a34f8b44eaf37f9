"""Who may enter the Django admin. Rights come from the role in the session's tenant."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.roles import ADMIN_SITE_ROLES
from web import kept_forms
from web.admin import TenantModelAdmin, in_tenant
from web.membership import place_of

_View = TypeVar("_View", bound=Callable[..., HttpResponseBase])


class AmendsAdminSite(AdminSite):
    """Entered by operators, auditors and tenant admins; no one needs to be a superuser.

    Every view runs in the scope of the session's tenant, see `web.admin`.
    """

    site_title = _("Amends admin")
    site_header = _("Amends")
    index_title = _("Administration")

    @override
    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the chosen membership holds a role that may enter."""
        place = place_of(request)
        return place is not None and not ADMIN_SITE_ROLES.isdisjoint(place.roles)

    @override
    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[ModelAdmin] | None = None,  # type: ignore[type-arg]  # as there
        **options: Any,
    ) -> None:
        """Register read-only admins of tenant rows; what libraries bring along stays outside.

        Their tables (login attempts, Django's own groups) are no tenant's and could be edited.
        """
        if admin_class is not None and issubclass(admin_class, TenantModelAdmin):
            super().register(model_or_iterable, admin_class, **options)

    @override
    def admin_view(self, view: _View, cacheable: bool = False) -> _View:
        """Wrap a view: 403 for a member whose role may not enter, else in the tenant's scope."""
        inner = super().admin_view(in_tenant(view), cacheable)

        @functools.wraps(inner)
        def entered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied
            if request.method == "POST" and not request.user.is_authenticated:
                kept_forms.keep(request)
            return inner(request, *args, **kwargs)

        return cast("_View", entered)

    @override
    def login(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Send a visitor to the one login page; refuse a member whose role may not enter."""
        after = request.GET.get("next") or reverse("admin:index")
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        return redirect_to_login(after)
