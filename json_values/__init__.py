"""JSON as people and programs send it: read, bounded, checked against schemas, asked with jq."""
