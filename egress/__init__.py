"""The one way out: signed HTTP calls to addresses that may be reached, within limits.

Nothing else opens a socket to the outside. It knows nothing of Django: the caller says what is
allowed.
"""
