"""Every verb has all that a verb has, and nothing else changes anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from django.views import View

from tests.architecture.sources import ROOT, project
from tests.security.matrix import ADMIN, THIRD_PARTY, written
from verbs.catalogue import all_verbs, declare, transition
from verbs.input import Nothing
from verbs.operation import operation
from verbs.shell import Verb
from verbs.words import action_words, verb_words
from web.verb_api import VerbAPIView
from web.verb_pages import VerbPage
from web.views import SwitchTenantView

UNSAFE = ("post", "put", "patch", "delete")
# What takes a POST and is not made from a verb: forms of an app's own, and what changes no thing.
OF_OUR_OWN = {
    "web:login": "signing in is not a verb of a thing",
    "web:logout": "nor is signing out",
    "web:switch-tenant": "a session's choice",
    "demo:story": "verbs of several people, one after the other; only in the demo",
    "people:settings": "how pages speak to their reader: of no tenant, and not recorded",
    "audit:retentions": "set, with those there are listed",
    "audit:erasures": "request, with those there are and what is held listed",
    "governance:policies": "create, with those in force listed",
    "people:members": "add, with those there are listed, and an account asked for by a tick",
    "people:substitutions": "create, with those there are listed",
    "people:signature-keys": "register, with those there are listed",
    "people:token-create": "a token for oneself, which is seen once",
    "people:token-revoke": "the end of one's own token",
    "api-problem": "a page of documentation that answers to any method",
    "home": "a redirect",
    "workitems-api:search": "looks for work and changes nothing",
    "audit-api:verify": "asks for a check, which changes nothing that is recorded",
    "audit:check": "asks for the same",
    "audit:check-export": "looks at a pack and stores nothing",
    "cases-api:validate": "looks at a definition and stores nothing",
    "cases:definitions": "deploy, with the source checked line by line",
    "cases:start": "open, with the definitions listed",
    "workitems:all": "create of a saved filter, of what the list is narrowed to",
    "workitems:end-filter": "end of a saved filter, from the same list",
    "workitems:new": "create, with suggestions",
    "workitems:spawn": "spawn, of one part, with suggestions",
    "workitems:inbox": "claim, release, assign or cancel, on each of the ticked tasks",
    "workitems:schedules": "add, from the list of schedules",
    "workitems:schedule-edit": "edit, filled in with what the schedule says",
    "workitems:template-version": "add, filled in with what a version says",
    "workitems:template": "instantiate, with the fields that the template asks for",
    "workitems:attach": "attach, with a form that takes a file",
    "workitems:draft": "draft, as it was filled in on the item's page",
    "workitems:progress": "progress, in the shape in which it was told before",
    "workitems:complete": "complete, with a form made from the item's own schema",
    "notifications:read-all": "read-all, for all of the list",
    "compensation:rollback-case": "compensation-plan, with what was finished listed",
    "compensation:rollback-batch": "the same of a batch",
    "compensation:rollback-work-item": "the same of one item",
    "compensation:rollback-execution": "the same of one execution",
    "compensation:plan-scope": "compensation-plan, again with another scope",
    "compensation:plan-words": "compensation-plan, again with what was said of a step",
    "compensation:plan-execute": "execute, with the number typed",
}
# Where a transaction begins that is no verb's shell, and why.
DURABLE = {
    "verbs.shell": "the shell itself",
    "ledger.dispatch.runner": "marks a task done whose handler did not, stores its failure",
    "ledger.erasure.retention": "a policy is leased, and put back; each portion in one",
    "ledger.dispatch.lease_table": "a row's work is in trouble, or is not any more",
    "audit.actions.due_work": "a source of due rows in trouble: told of, and that it goes on",
    "ledger.dispatch.lanes": "a lane is leased, and put back",
    "cases.actions.engine": "a handler of news: an event is what it is called with",
    "cases.actions.undone_on_fault": "the same",
    "executions.actions.batch_turns": "the same",
    "compensation.actions.following": "the same",
    "compensation.actions.nested_news": "the same",
    "compensation.actions.foreign_requests_carried": "a request of another tenant: written,"
    " called back and answered in one each, in that tenant",
    "executions.actions.other_tenants": "a handler of news, which is in one tenant at a time",
    "compensation.actions.undo_check": "the look for undos that hang: leased; each settled in one",
    "notifications.actions.telling": "the same",
    "notifications.actions.sending": "an attempt at one delivery: leased, sent, settled",
    "executions.actions.execution_attempts": "an attempt at one execution: leased, begun, settled",
    "workitems.actions.work_left_behind": "the same, and each night what nobody can do",
    "workitems.actions.work_on_hold": "a hold that ends by itself: leased and ended in one",
    "workitems.actions.work_deadlines": "a deadline that comes: leased and seen to in one",
    "cases.actions.milestone_moves": "a milestone that is late: leased and seen to in one",
    "cases.actions.event_rounds": "an event brought to cases: leased, told to each in one",
    "cases.actions.step_schedules": "a moment of a step: leased and seen to in one",
    "cases.actions.missed_news": "open steps compared with their work: leased and told in one",
    "workitems.actions.choreography": "a handler of news: each item that reacts in one of its own",
    "workitems.actions.influence": "the same",
    "workitems.actions.used_results": "the same, of work in cases",
    "governance.actions.approval_expiry": "an approval nobody decided: leased and ended in one",
    "audit.actions.watching": "a look after the ledger: leased in one, settled in another",
    "audit.actions.noting_gaps": "a count of the ledger that found a gap: noted in one",
    "workitems.schedules.schedule_due": "an item that a schedule makes by itself",
    "ledger.verifications": "a check of the ledger: leased, carried out, settled",
    "ledger.erasure.erasing": "a portion of an erasure: leased, erased, counted in one each",
    "ledger.verify": "one snapshot that only reads, for all that a check compares",
    "audit.check_page": "asks for a check, as over REST",
    "audit.api.verification_views": "asks for one; a check is no subject, and no entry",
    "web.bulk_api": "keeps the answer about many, each of which was a verb of its own",
    "accounts.actions": "a tenant before it has members, and a token for oneself",
    "config.demo.transfers": "the demo's effects, which are outside the product",
    "benchmarks.filled_ledger": "a throw-away ledger that is measured; it has no rows of work",
}
ROWS = written()
IDS = [f"{each.subject_type} {each.name}" for each in all_verbs()]
every_verb = pytest.mark.parametrize("verb", all_verbs(), ids=IDS)


def _views(resolver: URLResolver, prefix: str = "", space: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every address of ours by its name, with its view class or function."""
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if pattern.startswith((*THIRD_PARTY, ADMIN)):
            continue
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _views(entry, pattern, inner)
        else:
            assert isinstance(entry, URLPattern)
            view = getattr(entry.callback, "view_class", None)
            view = view or getattr(entry.callback, "cls", None) or entry.callback
            yield f"{space}{entry.name or ''}", view


VIEWS = dict(_views(get_resolver()))


def _served(verb: Verb[Any]) -> list[str]:
    """Return the names of the addresses in the API at which a verb is performed."""
    return [
        name
        for name, view in VIEWS.items()
        if isinstance(view, type) and issubclass(view, VerbAPIView)
        if any(each is verb for each in view.verbs.values())
    ]


def undeclared(views: dict[str, Any]) -> list[str]:
    """Return the addresses that may change something and are made from no verb."""
    found = []
    for name, view in views.items():
        if not isinstance(view, type):
            found.append(name)
        elif issubclass(view, VerbPage):
            continue
        else:
            known = set(getattr(view, "verbs", {}))
            allowed = set(getattr(view, "http_method_names", ()))
            unsafe = {method for method in UNSAFE if method in allowed and hasattr(view, method)}
            found += [name] if unsafe - known else []
    return sorted(found)


@every_verb
def test_a_verb_has_a_route_a_schema_and_a_row_in_the_matrix(verb: Verb[Any]) -> None:
    served = _served(verb)
    if not served:
        assert len(verb.no_route) > 20
        return
    [name] = served
    expected = ROWS[name].expectation(verb.method)
    assert expected is not None
    schema = verb.subject.results.get(verb.name)
    assert (schema.schema if schema else verb.subject.schema) is not None


@every_verb
def test_a_verb_has_a_button_or_a_reason(verb: Verb[Any]) -> None:
    pages = [
        name
        for name, view in VIEWS.items()
        if isinstance(view, type) and issubclass(view, VerbPage) and view.verb is verb
    ]
    if not verb.page:
        assert len(verb.no_button) > 20
        assert pages == []
        return
    [name] = pages
    assert ROWS[name].expectation("POST") is not None
    words = verb_words(verb.subject_type, verb.name)
    assert words is not None
    assert str(words.label)


@every_verb
def test_a_verb_has_its_words_and_its_row_in_the_docs(verb: Verb[Any]) -> None:
    assert verb.description
    if verb.action:
        assert str(action_words(verb.subject_type, verb.action).label)
    text = (ROOT / "docs" / "reference" / "verbs.md").read_text("utf-8")
    section = text.partition(f"\n## {verb.subject_type}\n")[2].partition("\n## ")[0]
    assert f"\n| {verb.name} |" in section


def test_what_is_not_made_from_a_verb_is_written_down() -> None:
    assert undeclared(VIEWS) == sorted(OF_OUR_OWN)


def test_a_view_that_writes_without_a_verb_is_found() -> None:
    class Planted(View):
        def post(self, request: HttpRequest) -> HttpResponse:
            """Change something past the catalogue."""
            return HttpResponse(request.path)

    assert undeclared({"planted": Planted}) == ["planted"]
    assert undeclared({"web:switch-tenant": SwitchTenantView}) == ["web:switch-tenant"]


def test_no_transaction_is_opened_past_the_shell_but_where_it_is_written_down() -> None:
    found = {
        each.dotted for each in project() if "durable=True" in (ROOT / each.path).read_text("utf-8")
    }
    assert found == set(DURABLE)


def test_a_verb_is_declared_once_and_says_why_it_has_no_button() -> None:
    one = all_verbs()[0]
    with pytest.raises(ValueError, match="is declared twice"):
        declare(one)
    silent = transition(
        "work_item", operation("vanish", None, None, "operator"), action="edited", page=False
    )
    with pytest.raises(ValueError, match="has no button and does not say why"):
        silent(lambda _row, _given, _context: None)
    assert ("work_item", "vanish") not in {(each.subject_type, each.name) for each in all_verbs()}
    assert one.input is Nothing or one.input.model_fields
