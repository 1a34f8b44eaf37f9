"""The REST API of work items (DESIGN §8)."""
