"""People in the admin: looked at by auditors and tenant admins, changed through verbs alone."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from typing_extensions import override

from accounts.models import Membership, User
from web.admin import TenantModelAdmin
from web.membership import place_of


@admin.register(User)
class UserAdmin(TenantModelAdmin):
    """The users who are members of the session's tenant; password hashes are not shown."""

    list_display = ("username", "first_name", "email", "is_active")
    fields = ("id", "username", "first_name", "email", "is_active")
    search_fields = ("username", "first_name", "email")
    ordering = ("username",)

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return members of this tenant: users themselves belong to no tenant."""
        place = place_of(request)
        rows = super().get_queryset(request)
        if place is None:
            return rows.none()
        members = Membership.objects.filter(tenant_id=place.acting.tenant_id)
        return rows.filter(id__in=members.values("user_id"))


@admin.register(Membership)
class MembershipAdmin(TenantModelAdmin):
    """Roles and groups of the tenant's members."""

    list_display = ("user", "roles", "group_names", "is_active")
    fields = ("id", "user", "actor", "roles", "group_names", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("user__username",)
    ordering = ("user__username",)

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Return the tenant's memberships with user and groups, in a constant number of queries."""
        rows = super().get_queryset(request)
        return rows.select_related("user").prefetch_related("groups")

    @admin.display(description="groups")
    def group_names(self, row: Membership) -> str:
        """Return the groups' names, sorted."""
        return ", ".join(sorted(group.name for group in row.groups.all()))
