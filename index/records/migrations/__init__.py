"""Migrations: how the tables of a database came to be what they are, one numbered file for each change of them."""
