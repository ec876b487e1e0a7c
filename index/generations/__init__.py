"""Immutable builds of the searchable index: written, verified, published, rolled back."""
