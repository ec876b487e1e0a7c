"""The catalogue's records: sources, entries, pictures, and the database that keeps them."""
