"""What stands around an item, and is no part of its work: notes, labels, links, relations, files,
how far it is, and an answer half written."""
