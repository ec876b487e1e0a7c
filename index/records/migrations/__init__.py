"""Migrations: the changes of a database's tables, one numbered file each."""
