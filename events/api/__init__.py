"""The REST API of inbound events."""
