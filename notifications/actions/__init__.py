"""The verbs of notifications: telling (from events), sending (due deliveries) and reading."""

from __future__ import annotations

from notifications.actions.reading import mark_all_read, mark_read

__all__ = ["mark_all_read", "mark_read"]
