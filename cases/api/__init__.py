"""The REST API of case definitions and cases."""
