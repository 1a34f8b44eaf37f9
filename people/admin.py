"""People in the admin: looked at by auditors and tenant admins, changed through verbs alone."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.models import Membership, Substitution, User
from accounts.roles import Role
from web.admin import TenantModelAdmin
from web.admin_parts import person_name
from web.labels import label_of
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

    list_display = ("who", "role_names", "group_names", "skills", "is_active")
    fields = ("id", "who", "role_names", "group_names", "skills", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("user__username",)
    ordering = ("user__username",)

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Return the tenant's memberships with user and groups, in a constant number of queries."""
        rows = super().get_queryset(request)
        return rows.select_related("actor__user").prefetch_related("groups")

    @admin.display(description=_("groups"))
    def group_names(self, row: Membership) -> str:
        """Return the groups as pages call them, sorted."""
        return ", ".join(sorted(label_of(group.name) for group in row.groups.all()))

    @admin.display(description=_("roles"))
    def role_names(self, row: Membership) -> str:
        """Return the roles in words."""
        return ", ".join(str(Role(each).label) for each in row.roles)

    @admin.display(description=_("member"))
    def who(self, row: Membership) -> SafeString:
        """Return who it is, by name."""
        return person_name(row.actor)


@admin.register(Substitution)
class SubstitutionAdmin(TenantModelAdmin):
    """Who stands in for whom in the tenant, from when until when."""

    list_display = ("who_stands_in", "for_whom", "group_name", "since", "until", "ended_at")
    fields = ("id", "who_stands_in", "for_whom", "group_name", "since", "until", "ended_at")
    ordering = ("-created_at", "-id")

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Substitution]:
        """Return the tenant's, with people's names, in a constant number of queries."""
        rows = super().get_queryset(request)
        return rows.select_related("person__user", "substitute__user")

    @admin.display(description=_("who stands in"))
    def who_stands_in(self, row: Substitution) -> SafeString:
        """Return who stands in, by name."""
        return person_name(row.substitute)

    @admin.display(description=_("for whom"))
    def for_whom(self, row: Substitution) -> SafeString:
        """Return who is stood in for, by name."""
        return person_name(row.person)
