"""Vectors and records to candidates. Knows nothing of HTTP or screens."""
