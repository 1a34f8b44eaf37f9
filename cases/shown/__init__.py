"""Cases, plans and runs as people read them: the contexts of pages and of the admin. Reads only."""
