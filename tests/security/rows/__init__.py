"""The expectations of the authorisation matrix, one module per app: `ROWS`."""
