"""Executions and capabilities over REST."""
