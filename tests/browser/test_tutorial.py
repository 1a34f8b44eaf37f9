"""The tutorial is true: somebody follows it word for word, in a browser and in a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from playwright.sync_api import Browser, Locator

from tests.browser.tab import Tab
from tests.browser.tutorial_reader import Lie, Reader
from tests.browser.tutorial_text import Kind, sentences
from tests.database import ROOT
from tests.processes import served
from tests.subprocesses import manage

TUTORIAL = ROOT / "docs" / "tutorial" / "take-back-a-loan.md"
PATIENCE_SECONDS = 30.0


@pytest.mark.timeout(400)
def test_the_tutorial_is_true_word_for_word(
    own_database: None, browser: Browser, tmp_path: Path
) -> None:
    told = sentences(TUTORIAL.read_text("utf-8"))
    acts = [act for sentence in told for act in sentence.acts]
    # A tutorial that lost its marks would be true of everything.
    assert {act.kind for act in acts} == set(get_args(Kind))
    assert acts[0].what == "make run"
    loaded = manage("load_demo")
    assert loaded.returncode == 0, loaded.stderr
    with served(tmp_path, REDIS_URL=os.environ["REDIS_URL"]) as application:
        reader = Reader(browser, application.url, patience=PATIENCE_SECONDS)
        try:
            reader.follow(told)
        finally:
            problems = reader.close()
    assert problems == []


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    """Return a reader before a small page."""
    page = browser.new_page()
    page.set_content(
        "<main><h1>Inbox</h1><a href='#'>Cases 2</a><label>Reason <input></label>"
        "<label><input type=radio name=o> Passed <small>All is well</small></label></main>"
    )
    made = Reader(browser, "about:blank", patience=0)
    made._tabs["operator"] = Tab(page.context, page, "about:blank")  # noqa: SLF001  -- no server to log in at
    yield made
    page.close()


@pytest.mark.parametrize(
    "after", [(Reader, "_await"), (Locator, "element_handle")], ids=["looked", "held"]
)
def test_what_gets_a_number_between_the_look_and_the_press_is_pressed(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, after: tuple[type, str]
) -> None:
    page = reader._tabs["operator"].page  # noqa: SLF001  -- news come at one moment of a press
    link = "<a href='#' onclick='this.textContent += ` pressed`'>Inbox{}</a>"
    page.set_content(link.format(""))
    news = [link.format(" 1")]
    looked = getattr(*after)

    def looked_just_before_news(*asked: Any, **how: Any) -> Any:
        found = looked(*asked, **how)
        while news:
            page.evaluate("news => { document.body.innerHTML = news }", news.pop())
        return found

    monkeypatch.setattr(reader, "_patience", 30)
    monkeypatch.setattr(*after, looked_just_before_news)
    reader.follow(sentences("As `operator`, press **Inbox**."))
    assert page.inner_text("a") == "Inbox 1 pressed"


@pytest.mark.parametrize(
    "text",
    [
        "As `operator`, press **Cases** and see “Inbox Cases 2”.",
        "As `operator`: *Reason*: `Forged`, then **Passed**.",
        "Everybody's password is `open sesame`. As `operator`, press **Cases**.",
    ],
    ids=["press-see", "fill-choose", "password"],
)
def test_what_is_so_is_followed(reader: Reader, text: str) -> None:
    reader.follow(sentences(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "As `operator`: done. Press **Case**.",
            r"^line 1: Press \*\*Case\*\*\.\n  press 'Case': ",
        ),
        ("As `operator`: *Cause*: `x`.", "fill 'Cause': 'Cause' is not at .* reads: Inbox Cases 2"),
        ("As `operator`: see “Outbox”.", "see 'Outbox': "),
        ("```sh\nrm -r var\n```", "run 'rm -r var': this command is not known here"),
        ("```sh\nmake run\n```\n\n```text\nAll is well\n```", "'All is well' is not printed"),
    ],
    ids=["press", "fill", "see", "run", "printed"],
)
def test_a_lie_is_named_with_its_sentence(reader: Reader, text: str, said: str) -> None:
    with pytest.raises(Lie, match=said):
        reader.follow(sentences(text))
