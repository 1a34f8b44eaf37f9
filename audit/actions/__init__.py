"""What auditors and their like add to the record."""
