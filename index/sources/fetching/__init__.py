"""Polite and safe download of pictures by URL. Knows nothing of catalogues; see fetch.py."""
