"""Where results come from: the W3C PROV document of a piece of work, a case or a rollback."""
