"""What can go wrong with local servers."""

from __future__ import annotations


class LocalServerError(Exception):
    """A local server cannot be started or used; the message says why and what to do."""


class AlreadyRunningError(LocalServerError):
    """Another supervisor holds this folder's servers."""
