"""Pixels to vectors. Knows nothing of products, of the layout on disk, or of HTTP."""
