"""What Alembic runs to find the tables and the connection."""
