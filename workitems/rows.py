"""The rows that pages, API and apps above may name: read through `selectors`, changed through
`actions`.
"""

from __future__ import annotations

from workitems.models import Priority, WorkItem

__all__ = ["Priority", "WorkItem"]
