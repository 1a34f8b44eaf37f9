"""Every address of the application, app by app."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from web.problem_pages import problem_type
from web.views import home

handler400 = "web.error_pages.bad_request"
handler403 = "web.error_pages.permission_denied"
handler404 = "web.error_pages.page_not_found"
handler500 = "web.error_pages.server_error"

api: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("problems/<slug:code>", problem_type, name="api-problem"),
    path("", include("executions.api.urls")),
    path("", include("workitems.api.urls")),
    path("", include("cases.api.urls")),
    path("", include("notifications.api.urls")),
    path("", include("audit.api.urls")),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("accounts/", include("web.urls")),
    path("admin/", admin.site.urls),
    path("", include("cases.urls")),
    path("", include("workitems.urls")),
    path("", include("notifications.urls")),
    path("", include("audit.urls")),
    path("api/v1/", include(api)),
]
