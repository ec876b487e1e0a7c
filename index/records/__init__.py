"""The catalogue's records: sources, entries, pictures, and their database."""
