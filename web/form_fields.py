"""Form fields that read what people type by the readers of the API, so that both refuse the same.

The names of the members, and every rule of substance, are the verbs'.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.formats import get_format, number_format
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from json_values import reader
from json_values.moments import NotAMoment, read_moment
from web.values import digits_of, money_words

MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
CODE = forms.Textarea(attrs={"rows": 4, "class": "code", "spellcheck": "false"})

#: What is said of a choice that was not offered. It does not repeat it, however long it is.
NOT_OFFERED = {"invalid_choice": gettext_lazy("Choose one of those that are offered.")}


class MomentField(forms.DateTimeField):
    """A moment, written as in the API; without a zone it is said in that of the page."""

    widget = MOMENT

    @override
    def to_python(self, value: Any) -> dt.datetime | None:
        """Return the moment. The verb holds it to the same bounds."""
        text = "" if value is None else str(value).strip()
        if not text:
            return None
        try:
            return read_moment(text, zone=timezone.get_current_timezone())
        except NotAMoment as wrong:
            raise forms.ValidationError(_(str(wrong)), code=wrong.code) from None


class JsonField(forms.JSONField):
    """Any JSON value."""

    widget = CODE
    empty_values = [None]

    @override
    def to_python(self, value: Any) -> Any:
        """Return the value that a text says; None where nothing is written."""
        if not isinstance(value, str):
            return value
        return read_json(value) if value.strip() else None

    @override
    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what was typed, to be shown again: read as JSON or not."""
        return data

    @override
    def prepare_value(self, value: Any) -> Any:
        # Nothing said is an empty field, and not the word null.
        return value if value is None or isinstance(value, str) else super().prepare_value(value)

    @override
    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(initial != data)


class NumberField(forms.Field):
    """A number as JSON writes it, with all its digits. Its bounds are said to the browser."""

    default_error_messages = {"invalid": gettext_lazy("Write a number, as in 12 or 0.5.")}

    def __init__(
        self, *, step: str = "any", minimum: Any = None, maximum: Any = None, **common: Any
    ) -> None:
        bounds = {"step": step, "min": minimum, "max": maximum}
        attrs = {name: each for name, each in bounds.items() if each is not None}
        super().__init__(widget=forms.NumberInput(attrs=attrs), **common)

    @override
    def to_python(self, value: Any) -> int | float | None:
        """Return the number."""
        if value is None or not str(value).strip():
            return None
        try:
            found = reader.read(str(value))
        except reader.NotKept as error:
            raise forms.ValidationError(_sentence(error)) from error
        except ValueError:
            found = None
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return found


def read_json(text: str) -> Any:
    """Return the JSON value of a text. Raises ValidationError with what is wrong and where."""
    try:
        return reader.read(text)
    except reader.TooDeep as error:
        raise forms.ValidationError(_("It is nested too deeply.")) from error
    except reader.NotStrict as error:
        raise forms.ValidationError(error.msg) from error
    except json.JSONDecodeError as error:
        where = _("Line %(n)d: ") % {"n": error.lineno}
        raise forms.ValidationError(f"{where}{error.msg}") from error
    except reader.NotKept as error:
        raise forms.ValidationError(_sentence(error)) from error


def _sentence(error: reader.NotKept) -> str:
    """Return the first thing that cannot be kept, with its place where it is inside."""
    first = error.errors[0]
    message = first.message
    return f"{first.pointer}: {message}" if first.pointer else message[:1].upper() + message[1:]


class DayField(forms.CharField):
    """A day, as JSON writes it."""

    widget = forms.DateInput(attrs={"type": "date"})

    @override
    def to_python(self, value: Any) -> str:
        """Return the day."""
        text = str(super().to_python(value)).strip()
        if text:
            try:
                dt.date.fromisoformat(text)
            except ValueError:
                raise forms.ValidationError(_("Write a day, as in 2026-03-12.")) from None
        return text


class LinesField(forms.CharField):
    """A list of texts, one in each line."""

    widget = forms.Textarea(attrs={"rows": 3})

    @override
    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]  # a list, not a text
        """Return the lines, without empty ones."""
        text = super().to_python(value) or ""
        return [line for each in text.splitlines() if (line := each.strip())]

    @override
    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value


class MoneyField(forms.Field):
    """An amount as people write it, in their language; its value counts minor units."""

    def __init__(
        self, currency: str, *, minimum: Any = None, maximum: Any = None, **common: Any
    ) -> None:
        label = f"{common.pop('label', '')} ({currency})"
        attrs = {"inputmode": "decimal", "autocomplete": "off", "class": "money-field"}
        super().__init__(label=label, widget=forms.TextInput(attrs=attrs), **common)
        self._currency, self._bounds = currency, (minimum, maximum)

    @override
    def to_python(self, value: Any) -> int | None:
        """Return the amount in minor units."""
        text = re.sub(r"[\s'\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]", "", str(value or ""))
        if not text:
            return None
        grouped, point = get_format("THOUSAND_SEPARATOR"), get_format("DECIMAL_SEPARATOR")
        whole, _point, rest = text.partition(point)
        if re.fullmatch(rf"[+-]?\d{{1,3}}(?:{re.escape(grouped)}\d{{3}})+", whole):
            whole = whole.replace(grouped, "")
        digits = digits_of(self._currency)
        if not re.fullmatch(r"[+-]?\d{1,15}", whole, re.ASCII) or not re.fullmatch(
            r"\d*", rest, re.ASCII
        ):
            raise forms.ValidationError(_("Write an amount, as in 1250 or 1250.50."))
        if len(rest) > digits:
            message = _("Write at most %(n)d digits after the point.") % {"n": digits}
            raise forms.ValidationError(message)
        return self._within(int(whole + rest.ljust(digits, "0")))

    def _within(self, minor: int) -> int:
        least, most = self._bounds
        for bound, broken, text in (
            (least, least is not None and minor < least, _("At least %(amount)s.")),
            (most, most is not None and minor > most, _("At most %(amount)s.")),
        ):
            if broken:
                shown = strip_tags(money_words(int(bound), self._currency))
                raise forms.ValidationError(text % {"amount": shown})
        return minor

    @override
    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            digits = digits_of(self._currency)
            return number_format(Decimal(value).scaleb(-digits), decimal_pos=digits)
        return value
