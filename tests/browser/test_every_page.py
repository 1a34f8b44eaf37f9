"""Every page, light and dark, from 320 to 1920 px, with texts as long as people write them: no text
stands over another or leaves what holds it, nothing scrolls sideways, and axe finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from pytest_django.plugin import DjangoDbBlocker

from accounts.acting import ActingUser
from tests.browser.conftest import OpenTab
from tests.browser.layout import WIDTHS, faults_of
from tests.browser.story import Story, tell
from tests.browser.tab import Tab
from tests.browser.visits import Visit

#: Where axe looks: on a telephone and on a desk.
AXE = {375, 1280}
PARTS = 10
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


class Tabs:
    """One tab for each person, opened when it is needed and used for all of that person's pages."""

    def __init__(self, open_tab: OpenTab) -> None:
        self._open_tab = open_tab
        self._tabs: dict[ActingUser | None, Tab] = {}

    def at(self, visit: Visit) -> Tab:
        """Return the tab of who visits, when the page is there."""
        if visit.who not in self._tabs:
            self._tabs[visit.who] = self._open_tab(visit.who)
        tab = self._tabs[visit.who]
        # The statuses that forms which are sent broken or late answer.
        tab.expected |= {visit.status, 409, 412, 422}
        assert visit.to(tab.page, tab.url) == visit.status, visit.path
        if visit.then is not None:
            visit.then(tab.page)
        return tab


@pytest.fixture(scope="module")
def story(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Story]:
    """Tell the story once for all tests; its programs answer as long as it is looked at."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        yield tell(patch)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_text_has_its_place_and_axe_finds_nothing(
    open_tab: OpenTab, story: Story, part: int
) -> None:
    found: list[str] = []
    tabs = Tabs(open_tab)
    for name, visit in list(story.pages.items())[part::PARTS]:
        found += [f"{name} {fault}" for fault in _faults(tabs.at(visit))]
    assert found == [], "\n".join(found)


#: Forms in which one types and that do not say for whom they are: what is sent when the session is
#: over would be lost. Of the admin only the page that confirms an undo is ours.
_LOSES_TEXT = """() => [...document.querySelectorAll('main form[method=post]')]
  .filter(it => it.querySelector('textarea, select, input:not([type=hidden])'))
  .filter(it => !it.querySelector('[name=written_by], [type=password]'))
  .filter(it => it.closest('.confirm-undo') || !it.closest('#content'))
  .map(it => `loses what is typed: ${it.getAttribute('action')}`)"""


def _faults(tab: Tab) -> list[str]:
    """Return what is wrong with a page: loaded once, then shown in every colour and width."""
    found: list[str] = tab.page.evaluate(_LOSES_TEXT)
    for scheme in SCHEMES:
        tab.page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            found += [f"{scheme} {fault}" for fault in faults_of(tab.page, width=width)]
            if width in AXE:
                # What does not depend on colours has been looked at in the light.
                wrong = tab.violations(colours_only=scheme == "dark")
                found += [f"{scheme} at {width}: {each}" for each in wrong]
    return found


def test_a_missing_page_says_so_and_leaks_nothing(open_tab: OpenTab, story: Story) -> None:
    path = story.pages["undo-task"].path
    tab = open_tab(story.world.outsider)
    tab.expected.add(404)
    response = tab.page.goto(f"{tab.url}{path}")
    assert response is not None
    assert response.status == 404
    assert "Withdraw the valuation" not in tab.page.content()
    assert tab.violations() == []


def test_no_page_is_forgotten(story: Story) -> None:
    looked_at = {resolve(visit.path.partition("?")[0]).view_name for visit in story.pages.values()}
    assert sorted(_addresses(get_resolver()) - looked_at - NO_PAGE) == []


def _addresses(resolver: URLResolver, space: str = "") -> set[str]:
    """Return the names of all addresses but those of the API and of Django's own admin."""
    found: set[str] = set()
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            found.add(f"{space}{each.name}")
        elif each.namespace != "admin" and "api/" not in str(each.pattern):
            found |= _addresses(each, f"{space}{each.namespace}:" if each.namespace else space)
    return found


#: Addresses that lead to another page, take only POST (and lead back), or are a drawing.
NO_PAGE = set(
    "home web:logout web:switch-tenant people:token-create people:token-revoke demo:story"
    " people:substitution-end people:member-reactivate audit:erasure-withdraw audit:retention-end"
    " compensation:plan-scope compensation:plan-words compensation:plan-execute"
    " compensation:run-pause"
    " compensation:run-resume compensation:run-retry compensation:run-step-retry"
    " compensation:run-step-reassign compensation:run-step-hand-to-human"
    " compensation:run-step-attest compensation:run-step-abandon"
    " workitems:complete workitems:claim workitems:release workitems:start workitems:stop"
    " workitems:accept-delegation workitems:resume workitems:end-filter"
    " workitems:note workitems:note-remove workitems:label workitems:label-remove workitems:link"
    " workitems:link-remove workitems:relate workitems:relation-remove workitems:progress"
    " workitems:draft workitems:attach workitems:attachment workitems:attachment-remove"
    " workitems:causal-chain-svg workitems:causal-chain-dot"
    " executions:batch-retry"
    " cases:resume cases:retry cases:chain-svg cases:chain-dot"
    " notifications:read-all notifications:open notifications:read".split()
)
