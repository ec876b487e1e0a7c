"""Untrusted bytes to upright RGB pixels, within limits; regions, and the square that a model wants."""
