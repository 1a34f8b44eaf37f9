"""Addresses of signing in."""

from __future__ import annotations

from django.urls import path

from web import views

app_name = "web"
urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("switch-tenant/", views.SwitchTenantView.as_view(), name="switch-tenant"),
]
