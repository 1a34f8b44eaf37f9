"""Template tags that every page stands on: states in words, icons, dates, gaps, hashes, JSON.

Nothing here reads the database. Dates are shown short and relative; the exact instant is in the
``title`` and, for machines, in ``datetime``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import template
from django.forms import BoundField
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from lucide import IconDoesNotExist
from lucide.templatetags.lucide import lucide

from ledger import clock
from verbs.words import state_words
from web import labels, values
from web.kept_forms import WRITTEN_BY, token_for

register = template.Library()

_FALLBACK_ICON = "circle"
_GAP_FROM = timedelta(days=7)
_HASH_SHOWN_WHOLE = 12
_DAYS_COUNTED = 30
_HOUR, _DAY = 3_600, 86_400


@register.simple_tag
def icon(name: str, size: int = 16, label: str = "") -> SafeString:
    """Render a Lucide icon of ``size`` pixels; decorative unless ``label`` says what it means."""
    attributes: dict[str, object] = (
        {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    )
    try:
        svg = lucide(name, size=size, focusable="false", **attributes)
    except IconDoesNotExist:
        svg = lucide(_FALLBACK_ICON, size=size, focusable="false", **attributes)
    # Lucide's own SVG, whose attribute values ElementTree has escaped.
    return mark_safe(svg)  # noqa: S308 - see the line above


@register.simple_tag(takes_context=True)
def form_tokens(context: template.Context) -> SafeString:
    """Render the hidden fields of a form: Django's token against forgery, and for whom it is made
    (`web.kept_forms`)."""
    request = context.get("request")
    token = "" if request is None else token_for(request)
    return format_html(
        '<input type="hidden" name="csrfmiddlewaretoken" value="{}">{}',
        context.get("csrf_token", ""),
        format_html('<input type="hidden" name="{}" value="{}">', WRITTEN_BY, token)
        if token
        else "",
    )


@register.simple_tag
def badge(label: str, tone: str = "wait", icon_name: str = "") -> SafeString:
    """Render a badge with words of the caller's; ``tone`` is one of wait, act, undo, done, bad."""
    return format_html(
        '<span class="badge badge-{}">{}{}</span>',
        tone,
        icon(icon_name, 14) if icon_name else "",
        label,
    )


@register.simple_tag
def state_badge(status: str | None, kind: str = "work_item") -> SafeString:
    """Render ``status`` of a subject ``kind`` in words; the constant stays in ``data-state``."""
    if not status:
        return SafeString("")
    words = state_words(kind, str(status))
    return format_html(
        '<span class="badge badge-{}" data-state="{}">{}{}</span>',
        words.tone,
        status,
        icon(words.icon, 14),
        words.label,
    )


@register.filter
def state_label(status: str | None, kind: str = "work_item") -> str:
    """Return the words for ``status`` of ``kind`` without markup."""
    return str(state_words(kind, str(status)).label) if status else ""


@register.filter
def state_tone(status: str | None, kind: str = "work_item") -> str:
    """Return the tone (wait, act, undo, done, bad) of ``status`` of ``kind``."""
    return state_words(kind, str(status)).tone if status else "wait"


def _short_past(moment: datetime, now: datetime) -> str:
    age = now - moment
    local, today = timezone.localtime(moment), timezone.localtime(now).date()
    if age < timedelta(minutes=1):
        return _("just now")
    if age < timedelta(hours=1):
        minutes = int(age.total_seconds() // 60)
        return ngettext("%(n)d min ago", "%(n)d min ago", minutes) % {"n": minutes}
    if local.date() == today:
        return date_format(local, "H:i")
    if local.date() == today - timedelta(days=1):
        return _("yesterday %(time)s") % {"time": date_format(local, "H:i")}
    return date_format(local, "j M" if local.year == today.year else "j M Y")


def _short_future(moment: datetime, now: datetime) -> str:
    local, today = timezone.localtime(moment), timezone.localtime(now).date()
    ahead = moment - now
    if ahead < timedelta(hours=1):
        minutes = int(ahead.total_seconds() // 60)
        if not minutes:
            return _("in less than a minute")
        return ngettext("in %(n)d min", "in %(n)d min", minutes) % {"n": minutes}
    days = (local.date() - today).days
    if days == 0:
        return _("today %(time)s") % {"time": date_format(local, "H:i")}
    if days == 1:
        return _("tomorrow %(time)s") % {"time": date_format(local, "H:i")}
    if days <= _DAYS_COUNTED:
        return ngettext("in %(n)d day", "in %(n)d days", days) % {"n": days}
    return date_format(local, "j M" if local.year == today.year else "j M Y")


def _instant(value: datetime | date | str | None) -> datetime | None:
    if not value:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value if timezone.is_aware(value) else value.replace(tzinfo=UTC)


def _time_element(moment: datetime, text: str) -> SafeString:
    local = timezone.localtime(moment)
    exact = f"{date_format(local, 'l j F Y, H:i:s')} {local.tzname()}"
    machine = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return format_html('<time datetime="{}" title="{}">{}</time>', machine, exact, text)


@register.simple_tag
def when(value: datetime | date | str | None, now: datetime | None = None) -> SafeString:
    """Render a moment short and relative in a ``<time>``; nothing for None or unreadable text."""
    moment = _instant(value)
    if moment is None:
        return SafeString("")
    at = now or clock.now()
    text = _short_future(moment, at) if moment > at else _short_past(moment, at)
    return _time_element(moment, text)


@register.filter
def zone_name(zone: str) -> str:
    """Return a time zone as people read it: "Europe/Vienna" is Vienna."""
    return zone.rpartition("/")[2].replace("_", " ")


@register.simple_tag
def due(value: datetime | str | None, now: datetime | None = None) -> SafeString:
    """Render a deadline: "in 3 days", or "2 days late" once it has passed."""
    moment = _instant(value)
    if moment is None:
        return SafeString("")
    at = now or clock.now()
    if moment > at:
        return _time_element(moment, _short_future(moment, at))
    return _time_element(moment, _("%(span)s late") % {"span": span_words(at - moment)})


@register.simple_tag
def waits(since: datetime | str | None, now: datetime | None = None) -> SafeString:
    """Render how long something has waited: "waits 40 minutes"."""
    moment = _instant(since)
    if moment is None:
        return SafeString("")
    at = now or clock.now()
    return _time_element(moment, _("waits %(span)s") % {"span": span_words(at - moment)})


def span_words(length: timedelta) -> str:
    """Return a length in its largest whole unit of minutes, hours or days."""
    seconds = int(abs(length).total_seconds())
    if seconds >= _DAY:
        days = seconds // _DAY
        return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
    if seconds >= _HOUR:
        hours = seconds // _HOUR
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    minutes = seconds // 60
    if not minutes:
        return _("less than a minute")
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}


@register.simple_tag
def duration_gap(later: datetime | str | None, earlier: datetime | str | None) -> str:
    """Name the gap between two moments ("247 days earlier"), or "" when it is under a week."""
    first, second = _instant(earlier), _instant(later)
    if first is None or second is None:
        return ""
    length = abs(second - first)
    if length < _GAP_FROM:
        return ""
    if second < first:
        return _("%(span)s later") % {"span": span_words(length)}
    return _("%(span)s earlier") % {"span": span_words(length)}


@register.filter
def is_one_of(field: BoundField) -> bool:
    """Whether a field may be empty only where another one is not."""
    return bool(getattr(field.field, "one_of", False))


@register.filter
def left_open(field: BoundField) -> bool:
    """Whether a field may be left without an answer. A list whose empty choice says something,
    such as "As the browser asks", always has one, as does what begins with what there is."""
    empty = [label for value, label in getattr(field.field, "choices", ()) if value == ""]
    if field.field.required or is_one_of(field) or getattr(field.field, "says_all", False):
        return False
    return not any(any(map(str.isalnum, str(each))) for each in empty)


@register.filter
def day_words(day: date) -> str:
    """Return a day as people say it: "Today", "Yesterday", "14 March", "14 March 2025"."""
    today = timezone.localdate(clock.now())
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return date_format(day, "j F" if day.year == today.year else "j F Y")


@register.filter
def short_hash(value: str | bytes | None) -> str:
    """Shorten a hash to its first four and last two characters: ``9f3c…a1``."""
    text = full_hash(value)
    return text if len(text) <= _HASH_SHOWN_WHOLE else f"{text[:4]}…{text[-2:]}"


@register.filter
def full_hash(value: str | bytes | None) -> str:
    """Return a hash as text: bytes become hexadecimal digits."""
    if not value:
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


@register.filter
def label_of(key: Any) -> str:
    """Turn a JSON key into words: ``creditScore`` and ``credit_score`` become "Credit score"."""
    return labels.label_of(key)


@register.simple_tag(takes_context=True)
def value_words(
    context: template.Context, value: Any, schema: Any = None, name: str = ""
) -> SafeString:
    """Return any JSON value as words and rows (`web.values`), that of the member `name` if it is
    one; people are those of `reader`."""
    return values.value_words(value, schema, context.get("reader") or values.NOBODY, name)


@register.filter
def pretty_json(value: Any) -> str:
    """Return a value as indented JSON text; keys keep their order."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.filter
def lookup(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    """Return ``mapping[key]``, trying the key's text too; "" when it is missing."""
    if not mapping:
        return ""
    return mapping.get(key, mapping.get(str(key), ""))


@register.filter
def as_list(value: Any) -> list[Any]:
    """Return a list of one, for a template that shows several."""
    return [value]


@register.filter
def item(values: Any, place: int) -> Any:
    """Return ``values[place]``."""
    return values[place]


@register.filter
def initials(name: str | None) -> str:
    """Return up to two letters that stand for a person: ``ana.silva`` gives ``as``."""
    parts = [part for part in str(name or "").replace(".", " ").replace("_", " ").split() if part]
    if not parts:
        return "?"
    return parts[0][:2] if len(parts) == 1 else parts[0][0] + parts[-1][0]


@register.filter
def denied(actions: Iterable[Mapping[str, Any]] | None) -> list[Mapping[str, Any]]:
    """Return the actions that are not allowed now and say why, for "What is not possible"."""
    return [item for item in actions or () if not item.get("allowed") and item.get("reason")]
