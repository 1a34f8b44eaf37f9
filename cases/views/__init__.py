"""Pages of cases, definitions, plans and rollbacks. Every change is a form that works by itself."""
