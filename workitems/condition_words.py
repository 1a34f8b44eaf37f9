"""What the condition of an outcome asks for, as people say it. Pure."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from web.labels import label_of

_NAMED = r"\.(payload|resolution|case)((?:\.[A-Za-z_]\w*)+)(?![\w.\[?])"
_CLAUSE = re.compile(
    rf'\s*{_NAMED}\s*(==|!=|<=|>=|<|>)\s*(?:{_NAMED}|("[^"\\]*"|-?\d+(?:\.\d+)?|null|true|false))'
    r"\s*(?:\band\b|\Z)"
)


def words_of(when: str) -> str:
    """Return what a condition asks for, as people say it; "" for what is more than comparisons."""
    clauses: list[str] = []
    position = 0
    while position < len(when):
        found = _CLAUSE.match(when, position)
        if found is None:
            return ""
        clauses.append(_clause(found))
        position = found.end()
    # What ends with a word that joins goes on, and is none of ours.
    return "" if when.rstrip().endswith("and") else _(" and ").join(clauses)


def _clause(found: re.Match[str]) -> str:
    value = _value(found[6]) if found[6] else _called(found[4], found[5])
    compared = {
        "==": _("%(name)s is %(value)s"),
        "!=": _("%(name)s is not %(value)s"),
        "<=": _("%(name)s is at most %(value)s"),
        ">=": _("%(name)s is at least %(value)s"),
        "<": _("%(name)s is less than %(value)s"),
        ">": _("%(name)s is more than %(value)s"),
    }
    return compared[found[3]] % {"name": _called(found[1], found[2]), "value": value}


def _called(whose: str, path: str) -> str:
    name = label_of(path[1:].replace(".", "_"))
    if whose == "resolution":
        return _("“%(name)s” of your answer") % {"name": name}
    if whose == "case":
        return _("“%(name)s” of the case") % {"name": name}
    return _("“%(name)s”") % {"name": name}


def _value(text: str) -> str:
    plain = {"null": _("empty"), "true": _("yes"), "false": _("no")}
    if text in plain:
        return plain[text]
    return _("“%(text)s”") % {"text": text[1:-1]} if text.startswith('"') else text
