"""What members put around an item: notes, labels. None of it is the item's work, or moves it."""
