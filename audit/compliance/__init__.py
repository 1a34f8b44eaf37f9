"""The compliance report: what was decided, by whom, on which basis, and what was taken back."""
