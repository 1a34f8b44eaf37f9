"""Templates keep the content security policy: no inline code, no inline style, nothing foreign."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import ROOT

BANNED = {
    "inline script": re.compile(r"<script\b(?![^>]*\bsrc\s*=)", re.IGNORECASE),
    "inline style element": re.compile(r"<style\b", re.IGNORECASE),
    "style attribute": re.compile(r"\sstyle\s*=\s*[\"']", re.IGNORECASE),
    "event handler": re.compile(r"\son[a-z]+\s*=\s*[\"']", re.IGNORECASE),
    "htmx inline code": re.compile(r"\shx-on\b|=\s*[\"']js:", re.IGNORECASE),
    "script address": re.compile(r"[\"']\s*javascript:", re.IGNORECASE),
    "foreign resource": re.compile(
        r"<(?:script|link|img|iframe|source|use)\b[^>]*\b(?:src|href)\s*=\s*[\"'](?:https?:)?//",
        re.IGNORECASE,
    ),
    "unescaped output": re.compile(r"\|\s*safe\b|{%\s*autoescape\s+off"),
}


def broken(text: str) -> list[str]:
    """Return the names of the rules that `text` breaks."""
    return [name for name, pattern in BANNED.items() if pattern.search(text)]


def test_every_template_keeps_the_policy() -> None:
    found = {
        str(path.relative_to(ROOT)): broken(path.read_text("utf-8"))
        for folder in ROOT.glob("**/templates")
        if not {".venv", "var"} & set(folder.relative_to(ROOT).parts)
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".html", ".svg", ".txt", ".xml"}
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("<script>go()</script>", "inline script"),
        ('<script type="module">\n</script>', "inline script"),
        ("<STYLE>p{}</STYLE>", "inline style element"),
        ('<p style="color:red">', "style attribute"),
        ('<button onclick="go()">', "event handler"),
        ("<body onload='go()'>", "event handler"),
        ('<div hx-on:click="go()">', "htmx inline code"),
        ("<div hx-vals='js:{a: 1}'>", "htmx inline code"),
        ('<a href="javascript:go()">', "script address"),
        ('<script src="https://cdn.example/x.js"></script>', "foreign resource"),
        ('<link rel="stylesheet" href="//cdn.example/x.css">', "foreign resource"),
        ("{{ note|safe }}", "unescaped output"),
    ],
)
def test_a_planted_violation_is_caught(text: str, rule: str) -> None:
    assert rule in broken(text)


@pytest.mark.parametrize(
    "text",
    [
        "<script src=\"{% static 'js/app.js' %}\" defer></script>",
        '<a href="https://example.org/">elsewhere</a>',
        '<p class="style-guide" data-on="1">',
        '{{ data|json_script:"chart" }}',
    ],
)
def test_harmless_markup_is_let_through(text: str) -> None:
    assert broken(text) == []
