"""How cases are found: by number, or by title."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.models import Case
from web.search import LAST, NEWEST, Asked, Group, Hit, Ids, one_of, titled


def _written(number: str) -> list[str]:
    """Return how a number may be written: people type it in small letters."""
    return list(dict.fromkeys([number, number.upper(), number.lower()]))


def by_number(tenant_id: uuid.UUID, asked: str) -> Ids:
    """Return the cases of a tenant that are called by a number, or by title and number as pages
    call them, to be read inside another query."""
    title, _space, number = asked.rpartition(" ")
    called = Q(number__in=_written(asked)) if asked else Q(pk__in=[])
    if title and number:
        called |= Q(number__in=_written(number), title__iexact=title.strip())
    return Case.objects.filter(called, tenant_id=tenant_id).values_list("id", flat=True)


def number_begins(asked: str) -> Q:
    """Return whether the number of a case begins so."""
    begins = Q()
    for text in _written(asked):
        begins |= Q(number__gte=text, number__lt=text + LAST)
    return begins


def _similar(rows: QuerySet[Case], asked: str) -> Iterator[QuerySet[Case]]:
    """Yield the cases whose numbers begin so, of many some of the last: what a short number begins
    may be a tenth of all cases, and to put them all in an order takes its time."""
    for text in _written(asked):
        begins = rows.filter(number__gte=text, number__lt=text + LAST).order_by("-number")
        yield rows.filter(one_of(begins[:NEWEST]))


def cases_called(asked: Asked) -> Iterator[Group]:
    """Find cases: the one of that number, those whose numbers begin so, those of that title."""
    rows = Case.objects.filter(tenant_id=asked.who.tenant_id).defer("context")
    called = rows.filter(id__in=asked.cases)
    hits, is_all = titled(rows, asked.text, called, *_similar(rows, asked.text), among=rows)
    yield Group(
        gettext_lazy("Cases"),
        "briefcase",
        [
            Hit(
                case.name,
                reverse("cases:detail", args=[case.id]),
                _("opened %(on)s") % {"on": date_format(localtime(case.created_at))},
                str(case.status),
                Case.subject_type,
            )
            for case in hits
        ],
        is_all,
        f"{reverse('cases:list')}?{urlencode({'q': asked.text})}",
    )
