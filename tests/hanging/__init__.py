"""An app with a capability that never returns."""
