"""The revisions of the catalogue's tables, oldest first."""
