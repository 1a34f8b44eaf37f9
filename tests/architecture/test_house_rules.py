"""Each rule holds in the project, and each rule catches what it is for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.architecture import rules
from tests.architecture.sources import Source, project, source, suite

Rule = Callable[[Source], list[str]]

PROJECT_RULES: list[Rule] = [
    rules.recording_imports,
    rules.network_imports,
    rules.mail_imports,
    rules.domain_http_imports,
    rules.signals,
    rules.broker_calls,
    rules.imports_inside_functions,
    rules.long_module,
    rules.long_functions,
    rules.nameless_modules,
    rules.serializer_logic,
    rules.status_writes,
    rules.untranslated_refusals,
]
TEST_RULES: list[Rule] = [
    rules.long_module,
    rules.nameless_modules,
    rules.imports_inside_functions,
]


def _name(rule: Rule) -> str:
    return rule.__name__


@pytest.mark.parametrize("rule", PROJECT_RULES, ids=_name)
def test_the_project_keeps(rule: Rule) -> None:
    assert [found for each in project() for found in rule(each)] == []


@pytest.mark.parametrize("rule", TEST_RULES, ids=_name)
def test_the_tests_keep(rule: Rule) -> None:
    assert [found for each in suite() for found in rule(each)] == []


BROKEN: list[tuple[Rule, str, str]] = [
    (rules.recording_imports, "accounts/acting.py", "from ledger.record import ActorRef, record"),
    (rules.recording_imports, "accounts/acting.py", "from ledger import record"),
    (rules.recording_imports, "accounts/acting.py", "import ledger.record"),
    (rules.recording_imports, "cases/engine.py", "from ledger.record_sql import APPEND"),
    (rules.network_imports, "workitems/selectors.py", "import socket"),
    (rules.network_imports, "cases/engine.py", "from http import client"),
    (rules.network_imports, "config/demo/scenario.py", "from urllib.request import urlopen"),
    (rules.network_imports, "config/demo/clients.py", "import httpx"),
    (rules.network_imports, "notifications/channels/webhook.py", "import requests, json"),
    (rules.network_imports, "scripts/tool.py", "import ssl"),
    (rules.mail_imports, "accounts/actions.py", "from django.core.mail import send_mail"),
    (rules.mail_imports, "notifications/channels/inbox.py", "from django.core import mail"),
    (rules.mail_imports, "notifications/channels/emails.py", "import smtplib"),
    (rules.domain_http_imports, "cases/actions/run.py", "from django.http import Http404"),
    (rules.domain_http_imports, "ledger/verify.py", "from django import http"),
    (rules.domain_http_imports, "workitems/models.py", "from django.shortcuts import redirect"),
    (rules.signals, "cases/apps.py", "from django.db.models.signals import post_save"),
    (rules.signals, "cases/apps.py", "from django.db.models import signals"),
    (rules.signals, "workitems/consumers.py", "from django.dispatch import receiver"),
    (rules.signals, "workitems/models.py", "from django_fsm.signals import post_transition"),
    (rules.broker_calls, "workitems/actions.py", "poke.delay(item.id)"),
    (rules.broker_calls, "ledger/dispatch/wakeup.py", "poke.apply_async(args=[1])"),
    (rules.broker_calls, "config/celery.py", "poke.apply_async(countdown=5)"),
    (rules.broker_calls, "config/celery.py", "poke.apply_async(eta=moment)"),
    (rules.imports_inside_functions, "cases/engine.py", "def f():\n    import json"),
    (rules.imports_inside_functions, "cases/apps.py", "def other():\n    from cases import engine"),
    (rules.imports_inside_functions, "cases/engine.py", "def ready():\n    import cases.models"),
    (rules.long_module, "cases/engine.py", "x = 1\n" * 401),
    (rules.long_functions, "cases/engine.py", "def f():\n" + "    x = 1\n" * 60),
    (rules.nameless_modules, "cases/utils.py", ""),
    (rules.nameless_modules, "common/dates.py", ""),
    (rules.serializer_logic, "cases/api/serializers.py", "class S:\n    def create(self): ..."),
    (rules.status_writes, "cases/engine.py", "Case.objects.filter(pk=1).update(status='CLOSED')"),
    (rules.status_writes, "cases/views.py", "setattr(case, 'status', 'CLOSED')"),
    (
        rules.status_writes,
        "cases/engine.py",
        "Case.objects.bulk_update(rows, ['status', 'version'])",
    ),
    (rules.status_writes, "cases/engine.py", "Case.objects.bulk_update(rows, fields=('status',))"),
    (rules.status_writes, "cases/api/views.py", "case.status = 'CLOSED'"),
    (rules.status_writes, "cases/admin.py", "case.save(update_fields=['status'])"),
    (rules.status_writes, "cases/engine.py", "q.update_or_create(pk=1, defaults={'status': 'X'})"),
    (
        rules.status_writes,
        "cases/models.py",
        "class C:\n    def f(self):\n        self.status = 'X'",
    ),
    (rules.untranslated_refusals, "cases/actions/close.py", "raise Conflict('Too late.')"),
    (rules.untranslated_refusals, "workitems/x.py", "Invalid.field('/due_at', 'is past')"),
    (rules.untranslated_refusals, "workitems/x.py", "raise Conflict(f'There are {n}.')"),
    (
        rules.untranslated_refusals,
        "workitems/x.py",
        "def f():\n    m = f'{n} left'\n    Invalid(m)",
    ),
    (
        rules.untranslated_refusals,
        "workitems/x.py",
        "_WHO = 'no {}'\nFieldError('', _WHO.format(n))",
    ),
    (rules.untranslated_refusals, "people/x.py", "raise PydanticCustomError('x', 'Too late.')"),
    (
        rules.untranslated_refusals,
        "people/x.py",
        "raise PydanticCustomError('x', '{message}', {'message': f'no {n}'})",
    ),
]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_a_planted_violation_is_caught(rule: Rule, path: str, text: str) -> None:
    found = rule(source(path, text))
    assert found
    assert all(line.startswith(path) for line in found)


ALLOWED: list[tuple[Rule, str, str]] = [
    (rules.recording_imports, "accounts/acting.py", "from ledger.record import ActorRef, EntryRef"),
    (rules.recording_imports, "cases/actions/run.py", "from ledger.record import Change, record"),
    (rules.network_imports, "egress/client.py", "import socket, ssl, httpx"),
    (rules.network_imports, "tools/localstack/postgres.py", "import socket"),
    (rules.network_imports, "config/demo/client.py", "import httpx"),
    (rules.network_imports, "cases/api/views.py", "from http import HTTPStatus"),
    (rules.network_imports, "cases/views.py", "from urllib.parse import urlencode"),
    (
        rules.mail_imports,
        "notifications/channels/email.py",
        "from django.core.mail import EmailMessage",
    ),
    (rules.domain_http_imports, "cases/views.py", "from django.http import HttpResponse"),
    (rules.broker_calls, "config/celery.py", "poke.apply_async(ignore_result=True)"),
    (
        rules.imports_inside_functions,
        "cases/apps.py",
        "def ready(self):\n    from cases import engine",
    ),
    (rules.long_module, "cases/engine.py", "x = 1\n" * 400),
    (rules.long_functions, "cases/engine.py", "def f():\n" + "    x = 1\n" * 59),
    (rules.status_writes, "cases/actions/close.py", "case.save(update_fields=['status'])"),
    (
        rules.status_writes,
        "cases/errors.py",
        "class E:\n    def __init__(self):\n        self.status = 409",
    ),
    (
        rules.status_writes,
        "cases/models.py",
        "class C:\n    @transition(field=status)\n    def f(self):\n        self.status = 'X'",
    ),
    (rules.untranslated_refusals, "cases/actions/close.py", "raise Conflict(_('Too late.'))"),
    (rules.untranslated_refusals, "cases/api/views.py", "raise Conflict('Too late.')"),
    (rules.untranslated_refusals, "cases/x.py", "raise Conflict(_('At most %(n)d.') % {'n': n})"),
    (rules.untranslated_refusals, "cases/x.py", "Invalid(f'{where}: {error.message}')"),
]


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_what_the_rule_permits_is_let_through(rule: Rule, path: str, text: str) -> None:
    assert rule(source(path, text)) == []
