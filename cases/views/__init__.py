"""Pages of cases and definitions. Every change is a form that works by itself."""
