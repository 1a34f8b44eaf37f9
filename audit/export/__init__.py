"""The evidence pack: what was recorded about one thing, to be checked by whoever it is shown to."""
