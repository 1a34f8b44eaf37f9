"""Members, substitutions and tokens over the API."""
