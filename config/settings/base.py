"""Settings that hold everywhere. What differs by place is in `local`, `test` and `production`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from config import env

BASE_DIR = Path(__file__).resolve().parents[2]

INSTALLED_APPS = [
    "config.apps.ConfigConfig",
    "audit.apps.AuditConfig",
    "notifications.apps.NotificationsConfig",
    "cases.apps.CasesConfig",
    "workitems.apps.WorkItemsConfig",
    "executions.apps.ExecutionsConfig",
    "compensation.apps.CompensationConfig",
    "governance.apps.GovernanceConfig",
    "events.apps.EventsConfig",
    "people.apps.PeopleConfig",
    "web.apps.WebConfig",
    "accounts.apps.AccountsConfig",
    "ledger.apps.LedgerConfig",
    "config.apps.AmendsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "lucide",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "web.client_address.ClientAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "web.request_id.RequestIdMiddleware",
    "web.only_post.OnlyPostMiddleware",
    "web.rate_limits.AddressLimitMiddleware",
    "web.api.SlashToleranceMiddleware",
    "web.cookies.CookieMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "web.live.LiveMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "web.form_size.FormSizeMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "web.membership.MembershipMiddleware",
    "web.preferences.PreferencesMiddleware",
    "web.rate_limits.UserLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "web.nul.NulMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "web.nav.shell",
            ],
        },
    },
]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.backends.MembershipBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "web:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "web:login"
# Lock the pair of name and address: one visitor's guesses must not lock a whole office out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "web.views.locked_out"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
FORMAT_MODULE_PATH = ["config.written_dates"]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "var" / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Pages say so when no worker has answered for so long; 0: never.
AMENDS_WORKERS_SILENT_SECONDS = 10

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "web.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "web.authentication.TokenAuthentication",
        "web.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["web.authentication.IsMember"],
    "DEFAULT_THROTTLE_CLASSES": ["web.rate_limits.MemberThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["web.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "web.schema.AmendsAutoSchema",
    "EXCEPTION_HANDLER": "web.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
}
REST_KNOX = {
    "TOKEN_MODEL": "accounts.ApiToken",
    "AUTH_HEADER_PREFIX": "Bearer",
    "AUTO_REFRESH": False,
}
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105  -- the name of a model
# Operations are grouped by the first part of their path; this is what people call it.
API_KINDS = [
    {"name": name, "description": description}
    for name, description in {
        "approvals": "What somebody has to agree to before it happens",
        "batches": "Automatic steps one after the other, under one id",
        "capabilities": "What programs can do, and how it is undone",
        "case-definitions": "Kinds of cases: their steps and the way back of each",
        "cases": "Cases: their steps, what they know, and their rollback",
        "compensation-plans": "What would be undone, in which order and by whom",
        "undo-figures": "How often, how long, and how much of undoing fails",
        "compensation-requests": "What other organisations ask to have undone",
        "compensation-runs": "Rollbacks: how far they are, and what needs a decision",
        "deliveries": "What people were told, and how that went",
        "events": "What other programs tell",
        "executions": "Automatic steps: input, output, attempts, undo",
        "ledger": "The record of all that happened, and its proof",
        "members": "Who belongs to the organisation, with roles, groups and skills",
        "notifications": "What one is told",
        "policies": "What is asked of automatic steps before they happen",
        "saved-filters": "Filters of lists, kept under a name",
        "schedules": "Tasks that come again",
        "signature-keys": "Public keys by which members sign entries of the ledger",
        "substitutions": "Who stands in for whom, and until when",
        "tokens": "How programs act in one's name",
        "work-item-templates": "Templates of tasks, in versions",
        "work-items": "Tasks: their lifecycle, what stands around them, their undo",
    }.items()
]
SPECTACULAR_SETTINGS = {
    "TITLE": "Amends",
    "DESCRIPTION": "Human tasks that can be taken back, with proof.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    # Opened kind by kind: from 150 operations on, the page would draw only those that are in sight,
    # and neither a search in it nor who has it read aloud would find the others.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none"},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "TAGS": API_KINDS,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    # Choices stay where they are used: a name for each set of them says less and collides.
    "POSTPROCESSING_HOOKS": [],
}

# Longer bodies are refused before they are read; fields have their own, smaller bounds.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
# A page that takes a file says so (`takes_file`): one that is sent to others is passed over.
FILE_UPLOAD_HANDLERS: list[str] = []
FORM_RENDERER = "web.form_size.FormRenderer"

DEFAULT_FROM_EMAIL = "amends@localhost"
# A mail server that does not answer is given up on well within a delivery's lease.
EMAIL_TIMEOUT = 10
# Where people reach this installation: links in messages begin with it.
_here = env.read(env.Environment)
# Files that people attach. They are given out by views alone, never served from here.
MEDIA_ROOT = _here.AMENDS_FILES or BASE_DIR / "var" / "attachments"
AMENDS_PUBLIC_URL = _here.AMENDS_PUBLIC_URL or "http://localhost:8000"
# So long after it happened an event from outside is taken in.
AMENDS_EVENT_WINDOW_SECONDS = _here.AMENDS_EVENT_WINDOW_SECONDS
# From when the law applies that reports cite.
AMENDS_AI_ACT_ANNEX_III_FROM = _here.AMENDS_AI_ACT_ANNEX_III_FROM
AMENDS_AI_ACT_ANNEX_I_FROM = _here.AMENDS_AI_ACT_ANNEX_I_FROM
AMENDS_GDPR_FROM = _here.AMENDS_GDPR_FROM
# Networks that calls to other programs may go to though they are not public, and the file of
# the capabilities that are called so.
AMENDS_EGRESS_ALLOW = _here.AMENDS_EGRESS_ALLOW
AMENDS_CAPABILITIES = _here.AMENDS_CAPABILITIES
# The ledger's trees: the file of the keys that sign, whether one that is missing is made, what the
# trees' names begin with, where checkpoints are kept outside, and how long entries wait for others.
AMENDS_LEDGER_KEY = _here.AMENDS_LEDGER_KEY or str(BASE_DIR / "var" / "ledger-key.pem")
AMENDS_LEDGER_KEY_MADE = True
AMENDS_LEDGER_ORIGIN = _here.AMENDS_LEDGER_ORIGIN or urlsplit(AMENDS_PUBLIC_URL).netloc
AMENDS_ANCHOR_DIR = _here.AMENDS_ANCHOR_DIR
AMENDS_SEAL_SECONDS = _here.AMENDS_SEAL_SECONDS
# Who signs checkpoints outside, and how often each is asked: see ledger.tree.witnessing.
AMENDS_WITNESSES = _here.AMENDS_WITNESSES
AMENDS_WITNESS_SECONDS = _here.AMENDS_WITNESS_SECONDS
AMENDS_TIMESTAMP_URL = _here.AMENDS_TIMESTAMP_URL
AMENDS_TIMESTAMP_CA = _here.AMENDS_TIMESTAMP_CA
AMENDS_TIMESTAMP_SECONDS = _here.AMENDS_TIMESTAMP_SECONDS
if bool(AMENDS_TIMESTAMP_URL) != bool(AMENDS_TIMESTAMP_CA):
    raise env.InvalidEnvironment(
        "AMENDS_TIMESTAMP_CA", "must be set together with AMENDS_TIMESTAMP_URL"
    )
# Whose word about the client's address is believed.
AMENDS_TRUSTED_PROXIES = _here.AMENDS_TRUSTED_PROXIES
# How often one may ask, see web.rate_limits.
AMENDS_RATES = _here.rates

# Without this a fault outside DEBUG is told to nobody: Django would only mail it to ADMINS.
# `request_id` is the one that the answer quotes.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "named": {
            "()": "web.request_id.RequestIdFormatter",
            "format": "{asctime} {levelname} {name} request_id={request_id} {message}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "named"}},
    "loggers": {
        # Its own handler would print lines that can be forged.
        "django": {"handlers": [], "level": "INFO"},
        "django.request": {"level": "ERROR"},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
