"""Tasks that come again: a template, at the moments of a cron expression."""
