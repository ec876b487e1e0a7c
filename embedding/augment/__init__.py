"""Simulated photos of catalogue pictures."""
