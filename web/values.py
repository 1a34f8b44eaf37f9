"""JSON values as people read them: words and rows instead of brackets, money, dates and people as
their schema declares them, in the language and the time zone of whoever reads.

Nothing here reads the database: `Reader` brings the people whom values may name.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.template import Context
from django.template.base import render_value_in_context
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.selectors import Person, people_called
from json_values.comparison import whole
from json_values.declarations import expanded
from json_values.moments import NotAMoment, read_moment
from verbs.words import choice_words, readable
from web.labels import label_of

# Nobody reads more of one value on a page; the API has all of it.
VALUES_SHOWN = 2_000
# Of the strings that may be people's names, so many are looked up.
_NAMES_ASKED = 500
# More columns than that are no table that a person reads.
_COLUMNS = 8
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# What a username can be and no common word is.
_USERNAME = re.compile(r"(?=.*[._@+\-0-9])[\w.@+-]{2,150}")
# Members that hold a person's name whatever it looks like: `completed_by`, `assignee`.
_OF_PERSON = re.compile(r"(?:^|_)(?:by|assignee|reviewer|username|user|actor|person|previous)$")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NO_SCHEMA: Mapping[str, Any] = {}
#: Digits after the point by currency, where they are not two (ISO 4217).
_DIGITS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Reader:
    """Who reads values (`me`, an actor), and the people whom they may name, by actor and name."""

    people: Mapping[str, Person] = dataclasses.field(default_factory=dict)
    me: uuid.UUID | None = None

    @property
    def actors(self) -> dict[uuid.UUID, Person]:
        """The same people by actor."""
        return {person.actor_id: person for person in self.people.values()}

    def person(self, value: str, *, declared: bool) -> Person | None:
        """Return whom a value names; `declared`: its schema, or its member, says that it does."""
        if _UUID.fullmatch(value):
            return self.people.get(value.lower())
        return self.people.get(value) if declared or _USERNAME.fullmatch(value) else None


NOBODY = Reader()


def reader_of(
    tenant_id: uuid.UUID,
    me: uuid.UUID | None,
    *values: Any,
    actors: Iterable[uuid.UUID | None] = (),
    under: Iterable[tuple[Any, Any]] = (),
) -> Reader:
    """Return the reader of some values, and of values `under` their schemas, with the people they
    name and whatever `actors` stand beside them: one query, or none."""
    said = itertools.chain([(values, None)], under)
    names = (
        name
        for value, schema in said
        for name in _names_in(value, expanded(schema), declared=False)
    )
    found = set(itertools.islice(names, _NAMES_ASKED))
    return Reader(people_called(tenant_id, found, actors), me)


def _names_in(value: Any, schema: Any, *, declared: bool) -> Iterator[str]:
    rules = _is_schema(schema)
    if isinstance(value, str):
        said = declared or is_person(rules)
        if said or _UUID.fullmatch(value) or _USERNAME.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        own = properties_of(rules)
        for key, inner in value.items():
            yield from _names_in(inner, own.get(key), declared=_names_person(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names_in(inner, rules.get("items"), declared=declared)


def is_identifier(text: str) -> bool:
    """Whether a text is an identifier, which says nothing to people."""
    return _UUID.fullmatch(text) is not None


def _names_person(key: Any) -> bool:
    return bool(_OF_PERSON.search(str(key)))


def person_words(
    person: Person, me: uuid.UUID | None = None, *, inside: bool = False
) -> SafeString:
    """Return a person's name, the username on hover; "You" for whoever reads it, "you" `inside` a
    sentence."""
    if person.actor_id == me:
        return escape(_("you") if inside else _("You"))
    if person.name == person.username:
        return escape(person.name)
    return format_html('<span title="{}">{}</span>', person.username, person.name)


def phrase(text: str, **parts: Any) -> SafeString:
    """Return a sentence with its parts (`%(name)s`); what is no markup is escaped."""
    escaped = {name: conditional_escape(part) for name, part in parts.items()}
    return mark_safe(escape(text) % escaped)  # noqa: S308  -- each part is escaped


def money_words(minor: int, currency: str) -> SafeString:
    """Return an amount in minor units as people write it: 2500000 EUR is "25,000.00 EUR"."""
    digits = _DIGITS.get(currency, 2)
    amount = Decimal(minor).scaleb(-digits)
    text = number_format(amount, decimal_pos=digits, use_l10n=True, force_grouping=True)
    return format_html('<span class="money">{}\N{NO-BREAK SPACE}{}</span>', text, currency)


def is_money(schema: Mapping[str, Any]) -> bool:
    """Whether a schema declares an amount of money in minor units."""
    return schema.get("format") == "money" and isinstance(schema.get("currency"), str)


def is_person(schema: Mapping[str, Any]) -> bool:
    """Whether a schema declares a person, by username."""
    return schema.get("format") == "person"


def digits_of(currency: str) -> int:
    """Return how many digits of an amount come after the point."""
    return _DIGITS.get(currency, 2)


def value_words(
    value: Any, schema: Any = None, reader: Reader = NOBODY, name: str = ""
) -> SafeString:
    """Return any JSON value in words, however deep it is nested; `name`: of which member it is.

    Of very many values the first are shown, and how many more there are in each list.
    """
    parts = _worded(value, _is_schema(expanded(schema)), reader, name, itertools.count())
    return mark_safe("".join(parts))  # noqa: S308  -- each part is escaped


def kind_of(value: Any) -> str:
    """Classify a JSON value for display: map, list, yes, no, empty or text."""
    if value is True:
        return "yes"
    if value is False:
        return "no"
    if value is None or value in ("", [], {}):
        return "empty"
    if isinstance(value, Mapping):
        return "map"
    return "list" if isinstance(value, list | tuple) else "text"


def _is_schema(schema: Any) -> Mapping[str, Any]:
    return schema if isinstance(schema, Mapping) else _NO_SCHEMA


def properties_of(schema: Any) -> Mapping[str, Any]:
    """Return the schemas of the members that a schema names."""
    return _is_schema(_is_schema(schema).get("properties"))


def members_of(value: Mapping[str, Any], schema: Any) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield name, label, value and schema of each member: those that the schema names first, in
    the order of its author; of the others what it says of any other."""
    own, other = properties_of(schema), _is_schema(schema).get("additionalProperties")
    for name in [*(each for each in own if each in value), *(e for e in value if e not in own)]:
        inner = _is_schema(own.get(name, other))
        yield name, str(inner.get("title") or label_of(name)), value[name], inner


# A template that includes itself takes so many frames a level that 40 levels break it.
def _worded(
    value: Any, schema: Mapping[str, Any], reader: Reader, name: str, shown: Iterator[int]
) -> Iterator[str]:
    kind = kind_of(value)
    if kind == "map":
        yield '<dl class="facts">'
        for place, (key, label, inner, own) in enumerate(members_of(value, schema)):
            if next(shown) >= VALUES_SHOWN:
                yield f"<dt>…</dt><dd>{_more(len(value) - place)}</dd>"
                break
            yield f"<dt>{escape(label)}</dt><dd>"
            yield from _worded(inner, own, reader, key, shown)
            yield "</dd>"
        yield "</dl>"
    elif kind == "list":
        items = _is_schema(schema.get("items"))
        columns = _columns(value, items)
        listed = _rows(value, columns, reader, shown) if columns else None
        yield from listed or _listed(value, items, reader, name, shown)
    else:
        yield _word(value, kind, schema, reader, name)


def _listed(
    value: list[Any], items: Mapping[str, Any], reader: Reader, name: str, shown: Iterator[int]
) -> Iterator[str]:
    yield '<ul class="json-list">'
    for place, inner in enumerate(value):
        if next(shown) >= VALUES_SHOWN:
            yield f"<li>{_more(len(value) - place)}</li>"
            break
        yield "<li>"
        yield from _worded(inner, items, reader, name, shown)
        yield "</li>"
    yield "</ul>"


def _columns(rows: list[Any], items: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return label and schema of each column if a list is a table (objects of single values, with
    few members), else nothing."""
    if not all(isinstance(row, Mapping) for row in rows):
        return {}
    found: dict[str, tuple[str, Any]] = {}
    names: dict[str, Any] = {}
    for row in rows:
        if any(kind_of(each) in {"map", "list"} for each in row.values()):
            return {}
        names |= row
        if len(names) > _COLUMNS:
            return {}
    for name, label, _value, schema in members_of(names, items):
        found[name] = (label, schema)
    return found


def _rows(
    rows: list[Any],
    columns: Mapping[str, tuple[str, Any]],
    reader: Reader,
    shown: Iterator[int],
) -> Iterator[str]:
    heads = "".join(f'<th scope="col">{escape(label)}</th>' for label, _schema in columns.values())
    yield f'<table class="table value-rows"><thead><tr>{heads}</tr></thead><tbody>'
    for place, row in enumerate(rows):
        if next(shown) >= VALUES_SHOWN:
            yield f'<tr><td colspan="{len(columns)}">{_more(len(rows) - place)}</td></tr>'
            break
        yield "<tr>"
        for name, (label, schema) in columns.items():
            said = row.get(name)
            number = isinstance(said, int | float) and not isinstance(said, bool)
            yield f'<td data-label="{escape(label)}"{" class=num" if number else ""}>'
            yield _word(said, kind_of(said), schema, reader, name)
            yield "</td>"
        yield "</tr>"
    yield "</tbody></table>"


def _word(value: Any, kind: str, schema: Mapping[str, Any], reader: Reader, name: str) -> str:
    if kind == "empty":
        return f'<span class="muted">{escape(_("none"))}</span>'
    if kind != "text":
        return escape(_("yes") if kind == "yes" else _("no"))
    amount = whole(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(amount, int) and is_money(schema):
        return money_words(amount, schema["currency"])
    if isinstance(value, str):
        return _text(value, schema, reader, name)
    # As a template writes it: numbers and moments in the reader's language.
    return str(render_value_in_context(value, Context()))


def _text(value: str, schema: Mapping[str, Any], reader: Reader, name: str) -> str:
    declared = is_person(schema) or _names_person(name)
    person = reader.person(value, declared=declared)
    if person is not None:
        return person_words(person, reader.me)
    if _MOMENT.fullmatch(value):
        return _moment(value)
    if _DATE.fullmatch(value):
        return _day(value)
    if name == "outcome" or isinstance(schema.get("enum"), list):
        return escape(code_words(value))
    return str(render_value_in_context(value, Context()))


def code_words(code: str) -> str:
    """Return one of the words that an author offers: a constant becomes words, a word stays."""
    said = str(choice_words("outcome", code))
    return readable(code) if said == code and code.isupper() else said


def _moment(value: str) -> str:
    try:
        local = timezone.localtime(read_moment(value))
    except (NotAMoment, OverflowError):
        return escape(value)
    exact = f"{date_format(local, 'l j F Y, H:i:s')} {local.tzname()}"
    text = date_format(local, "j F Y, H:i")
    return format_html('<time datetime="{}" title="{}">{}</time>', value, exact, text)


def _day(value: str) -> str:
    try:
        day = dt.date.fromisoformat(value)
    except ValueError:
        return escape(value)
    return format_html('<time datetime="{}">{}</time>', value, date_format(day, "j F Y"))


def _more(number: int) -> str:
    words = ngettext("%(n)d more is not shown", "%(n)d more are not shown", number)
    return escape(words % {"n": number})
