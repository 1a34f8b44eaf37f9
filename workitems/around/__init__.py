"""What stands around an item, and is no part of its work: notes, labels, links, relations."""
