"""Templates and their languages."""
