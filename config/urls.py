"""Every address of the application, app by app."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from web.problems import problem_type
from web.search_page import SearchPage
from web.views import home

handler400 = "web.error_pages.bad_request"
handler403 = "web.error_pages.permission_denied"
handler404 = "web.error_pages.page_not_found"
handler500 = "web.error_pages.server_error"

_SERVED = [
    name
    for name in (
        "governance",
        "events",
        "people",
        "compensation",
        "executions",
        "workitems",
        "cases",
        "notifications",
        "audit",
    )
    if apps.is_installed(name)
]

api: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("problems/<slug:code>", problem_type, name="api-problem"),
    *(path("", include(f"{name}.api.urls")) for name in _SERVED),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("search/", SearchPage.as_view(), name="search"),
    path("accounts/", include("web.urls")),
    path("admin/", admin.site.urls),
    # The story is about a case.
    *(
        [path("", include("config.demo.urls"))]
        if apps.is_installed("config.demo") and apps.is_installed("cases")
        else ()
    ),
    *(path("", include(f"{name}.urls")) for name in _SERVED),
    path("api/v1/", include(api)),
]
