"""How work is found: filters of lists, words of items, counts, and filters that people keep."""
