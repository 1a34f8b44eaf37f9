"""States of undoing: of what is undone, and of one attempt at it. Pure."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class CompensationState(models.TextChoices):
    """How far the undo is, stored on every work item and execution."""

    NONE = "NONE", _("Not undone")
    COMPENSATING = "COMPENSATING", _("Being undone")
    COMPENSATED = "COMPENSATED", _("Undone")
    COMPENSATION_FAULTED = "COMPENSATION_FAULTED", _("Undo failed")


class AttemptOutcome(models.TextChoices):
    """How one attempt to undo ended; empty while it is open."""

    OPEN = "", _("Under way")
    DONE = "DONE", _("Undone")
    FAILED = "FAILED", _("Failed")
    WITHDRAWN = "WITHDRAWN", _("Withdrawn")
    ATTESTED = "ATTESTED", _("Attested by a person")
    ABANDONED = "ABANDONED", _("Abandoned")


class Reversibility(models.TextChoices):
    """Whether and how finished work can be taken back."""

    COMPENSABLE = "compensable", _("Can be undone")
    RETRIABLE = "retriable", _("Can be repeated")
    PIVOT = "pivot", _("Point of no return")
    IRREVERSIBLE = "irreversible", _("Cannot be undone")
    NOT_NEEDED = "not_needed", _("Needs no undo")
    UNSPECIFIED = "unspecified", _("Not declared")
