"""The pages of work items: inbox, one item, its actions, its causal chain."""
