"""Alembic's environment: it gives Alembic the tables and the connection."""
