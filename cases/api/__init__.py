"""The REST API of case definitions, cases, compensation plans and compensation runs."""
