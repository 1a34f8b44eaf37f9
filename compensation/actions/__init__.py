"""What changes when something is undone: the only way attempts, plans, runs and steps change."""
